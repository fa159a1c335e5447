"""Diffusion transformer blocks of Step-Video-T2V, and what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import TextProjection, modulate
from reelbench.layers.multihead import MLP, attend
from reelbench.layers.projections import Projections
from reelbench.layers.rotary import Grid, axis_angles, rotate_halves, wide

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class StepVideoBlock(nnx.Module):
    """A block of Step-Video-T2V's diffusion transformer.

    Self-attention over all space-time tokens, cross-attention of tokens that are not normalised to
    the text, and a feed-forward network; no linear map has a bias.

    Step-Video Team, "Step-Video-T2V Technical Report", 2025, arXiv:2502.10248;
    stepfun-ai/Step-Video-T2V ``stepvideo/modules/blocks.py``, ``StepVideoTransformerBlock``.

    Args:
        in_features: Width of the tokens, of the text and of the output.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward network.
        grid: Frames, height and width of the token grid; its raster order is that of the tokens.
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
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid, self.head_dim = grid, in_features // num_heads
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        attention: dict[str, Any] = {"use_bias": False, "out": "no bias", **common}
        self.scale_shift_table = nnx.Param(
            jax.random.normal(rngs.params(), (6, in_features), param_dtype) * in_features**-0.5
        )
        self.norm1 = nnx.LayerNorm(in_features, epsilon=1e-5, **common)
        self.self_attention = Projections(in_features, num_heads, **attention)
        self.cross_attention = Projections(in_features, num_heads, **attention)
        self.norm2 = nnx.LayerNorm(in_features, epsilon=1e-5, **common)
        self.mlp = MLP(in_features, mlp_dim, use_bias=False, gelu="tanh", **common)

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
            modulation: Projected embedding of the diffusion step, to which a learned table is
                added: shift, scale and gate of self-attention, then of the feed-forward network.
            text_mask: Which text tokens are not padding.
        """
        steps = modulation + self.scale_shift_table[...].astype(x.dtype)
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(steps, 6, axis=1)
        mask = None if text_mask is None else text_mask.astype(bool)[:, None, None]

        q, k, v = self.self_attention.split(modulate(self.norm1(x), shift1, scale1))
        found = attend(self._rotate(q), self._rotate(k), v)
        x = x + self.self_attention.merge(found) * gate1
        q, k, v = self.cross_attention.split(x, text)
        x = x + self.cross_attention.merge(attend(q, k, v, mask=mask))
        return x + self.mlp(modulate(self.norm2(x), shift2, scale2)) * gate2

    def _rotate(
        self, x: Float[Array, "batch tokens heads head_dim"]
    ) -> Float[Array, "batch tokens heads head_dim"]:
        """Half of a head turns with time, a quarter each with height and width, each in halves."""
        quarter = self.head_dim // 4
        pairs = (quarter, quarter // 2, quarter // 2)
        angles = axis_angles(self.grid, pairs, 10_000.0, wide(x.dtype))
        ends = (pairs[0], pairs[0] + pairs[1])
        parts = zip(
            jnp.split(x, [2 * end for end in ends], axis=-1),
            jnp.split(angles, ends, axis=-1),
            strict=True,
        )
        return jnp.concatenate([rotate_halves(part, angle) for part, angle in parts], axis=-1)


class StepVideoText(nnx.Module):
    """The projections of Step-Video's two text encoders, one sequence of tokens after the other.

    stepfun-ai/Step-Video-T2V ``stepvideo/modules/model.py``, ``StepVideoModel``
    (``caption_norm``, ``caption_projection``, ``clip_projection``).

    Args:
        in_features: Width of the language model that encodes the text.
        clip_features: Width of the CLIP text encoder.
        features: Width of the model.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        clip_features: int,
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.text = TextProjection(in_features, features, norm=True, **common)
        self.clip = nnx.Linear(clip_features, features, **common)

    def __call__(
        self,
        text: Float[Array, "batch text_tokens in_features"],
        clip: Float[Array, "batch clip_tokens clip_features"],
    ) -> Float[Array, "batch all_tokens features"]:
        """Project both encodings; CLIP's come first."""
        return jnp.concatenate([self.clip(clip), self.text(text)], axis=1)
