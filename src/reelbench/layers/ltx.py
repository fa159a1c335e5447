"""Diffusion transformer blocks of LTX-Video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import modulate
from reelbench.layers.dit import WanAttention
from reelbench.layers.multihead import MLP
from reelbench.layers.rotary import Grid, grid_angles, wide

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class LTXBlock(nnx.Module):
    """A block of LTX-Video's diffusion transformer.

    As Wan's, but normalised by the root mean square, with cross-attention to the text of tokens
    that are not normalised, and with rotation over all heads together by fractional positions.

    HaCohen et al., "LTX-Video: Realtime Video Latent Diffusion", 2024, arXiv:2501.00103; diffusers
    ``transformer_ltx.py``, ``LTXVideoTransformerBlock``.

    Args:
        in_features: Width of the tokens, of the text and of the output.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward network.
        grid: Frames, height and width of the token grid; its raster order is that of the tokens.
        spacing: Seconds, pixels and pixels from one token to the next along each axis.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        *,
        spacing: tuple[float, float, float] = (8 / 25, 32.0, 32.0),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads, self.grid, self.spacing = num_heads, grid, spacing
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.scale_shift_table = nnx.Param(
            jax.random.normal(rngs.params(), (6, in_features), param_dtype) * in_features**-0.5
        )
        self.norm = nnx.RMSNorm(in_features, epsilon=1e-6, use_scale=False, dtype=dtype, rngs=rngs)
        self.self_attention = WanAttention(in_features, num_heads, epsilon=1e-5, **common)
        self.cross_attention = WanAttention(in_features, num_heads, epsilon=1e-5, **common)
        self.mlp = MLP(in_features, mlp_dim, gelu="tanh", **common)

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        text: Float[Array, "batch text_tokens features"],
        modulation: Float[Array, "batch 6 features"],
        text_mask: Bool[Array, "batch text_tokens"] | None = None,
    ) -> Float[Array, "batch tokens features"]:
        """Transform the tokens.

        Args:
            x: Video tokens.
            text: Text tokens, already projected to the width of the model.
            modulation: As in `WanBlock`.
            text_mask: Which text tokens are not padding.
        """
        steps = modulation + self.scale_shift_table[...].astype(x.dtype)
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(steps, 6, axis=1)
        angles = ltx_angles(self.grid, self.spacing, x.shape[-1], wide(x.dtype))
        angles = angles.reshape(len(angles), self.num_heads, -1)
        mask = None if text_mask is None else text_mask.astype(bool)[:, None, None]

        h = modulate(self.norm(x), shift1, scale1)
        x = x + self.self_attention(h, h, angles) * gate1
        x = x + self.cross_attention(x, text, mask=mask)
        return x + self.mlp(modulate(self.norm(x), shift2, scale2)) * gate2


def ltx_angles(
    grid: Grid, spacing: tuple[float, float, float], features: int, dtype: Dtype
) -> Float[Array, "tokens pairs"]:
    """Angles of LTX-Video's tokens, for pairs of features of all heads together.

    Positions are fractions of 20 s and 2048 pixels, spread to [-1, 1]; frequencies go from π/2 to
    10,000 π/2. Neighbouring pairs belong to time, height and width in turn; what is left over, at
    the front, is not rotated.
    """
    each = features // 6
    fast = 10_000.0 ** jnp.linspace(0, 1, each, dtype=dtype) * (jnp.pi / 2)
    longest = (20.0, 2048.0, 2048.0)
    positions = [
        jnp.arange(length, dtype=dtype) * (step / whole) * 2 - 1
        for length, step, whole in zip(grid, spacing, longest, strict=True)
    ]
    angles = grid_angles(positions, [fast] * 3)
    in_turn = angles.reshape(-1, 3, each).swapaxes(1, 2).reshape(-1, 3 * each)
    return jnp.pad(in_turn, ((0, 0), (features // 2 - 3 * each, 0)))
