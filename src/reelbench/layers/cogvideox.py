"""Blocks of CogVideoX, in which text and video share all weights but the modulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import chunks, modulate
from reelbench.layers.multihead import MLP, attend
from reelbench.layers.projections import Projections
from reelbench.layers.rotary import Grid, axis_angles, geometric, rotate, wide

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class CogVideoXBlock(nnx.Module):
    """A block of CogVideoX's transformer with expert adaptive LayerNorm.

    Yang et al., "CogVideoX: Text-to-Video Diffusion Models with An Expert Transformer", 2024,
    arXiv:2408.06072; diffusers ``cogvideox_transformer_3d.py``, ``CogVideoXBlock``. The rotation
    is that of the clip whose size the model was trained at, where positions are whole numbers.

    Args:
        in_features: Width of the tokens and of the output.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward network.
        grid: Frames, height and width of the token grid; its raster order is that of the tokens.
        conditioning_features: Width of the embedding of the diffusion step.
        rotary: Whether video queries and keys are rotated (5B) or not (2B).
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
        conditioning_features: int = 512,
        rotary: bool = True,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid, self.rotary, self.head_dim = grid, rotary, in_features // num_heads
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.modulation1 = nnx.Linear(conditioning_features, 6 * in_features, **common)
        self.norm1 = nnx.LayerNorm(in_features, epsilon=1e-5, **common)
        self.attention = Projections(in_features, num_heads, norm="layer", **common)
        self.modulation2 = nnx.Linear(conditioning_features, 6 * in_features, **common)
        self.norm2 = nnx.LayerNorm(in_features, epsilon=1e-5, **common)
        self.mlp = MLP(in_features, mlp_dim, gelu="tanh", **common)

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        text: Float[Array, "batch text_tokens features"],
        conditioning: Float[Array, "batch conditioning_features"],
    ) -> tuple[Float[Array, "batch tokens features"], Float[Array, "batch text_tokens features"]]:
        """Transform both streams.

        Args:
            x: Video tokens.
            text: Text tokens.
            conditioning: Embedding of the diffusion step.
        """
        words, activated = text.shape[1], jax.nn.silu(conditioning)

        def turn(
            y: Float[Array, "batch all_tokens heads head_dim"],
        ) -> Float[Array, "batch all_tokens heads head_dim"]:
            if not self.rotary:
                return y
            angles = cogvideox_angles(self.grid, self.head_dim, wide(y.dtype))
            return jnp.concatenate([y[:, :words], rotate(y[:, words:], angles)], axis=1)

        shift, scale, gate, text_shift, text_scale, text_gate = chunks(
            self.modulation1(activated), 6
        )
        h = modulate(self.norm1(x), shift, scale)
        text_h = modulate(self.norm1(text), text_shift, text_scale)
        q, k, v = self.attention.split(jnp.concatenate([text_h, h], axis=1))
        found = self.attention.merge(attend(turn(q), turn(k), v))
        x, text = x + gate * found[:, words:], text + text_gate * found[:, :words]

        shift, scale, gate, text_shift, text_scale, text_gate = chunks(
            self.modulation2(activated), 6
        )
        h = modulate(self.norm2(x), shift, scale)
        text_h = modulate(self.norm2(text), text_shift, text_scale)
        h = self.mlp(jnp.concatenate([text_h, h], axis=1))
        return x + gate * h[:, words:], text + text_gate * h[:, :words]


class CogVideoXEmbedding(nnx.Module):
    """Patches of a latent clip and encoded text as tokens.

    diffusers ``models/embeddings.py``, ``CogVideoXPatchEmbed``: in 2B a fixed sinusoid of the
    position is added to the video tokens; 5B rotates in its blocks instead.

    Args:
        in_features: Channels of the latent.
        text_features: Width of the text encoder.
        features: Width of the model.
        positions: Whether the sinusoid is added.
        patch: Height and width of a patch.
        spatial_scale: Divisor of the positions along height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        text_features: int,
        features: int,
        *,
        positions: bool = False,
        patch: tuple[int, int] = (2, 2),
        spatial_scale: float = 1.875,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.positions, self.spatial_scale = positions, spatial_scale
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        kernel = (1, *patch)
        self.proj = nnx.Conv(in_features, features, kernel, kernel, padding="VALID", **common)
        self.text = nnx.Linear(text_features, features, **common)

    def __call__(
        self,
        x: Float[Array, "batch t h w in_features"],
        text: Float[Array, "batch text_tokens text_features"],
    ) -> tuple[Float[Array, "batch tokens features"], Float[Array, "batch text_tokens features"]]:
        """Return video tokens and text tokens."""
        tokens = self.proj(x)
        _, frames, height, width, features = tokens.shape
        tokens = tokens.reshape(len(x), -1, features)
        if self.positions:
            table = sinusoid_table(
                (frames, height, width), features, self.spatial_scale, wide(tokens.dtype)
            )
            tokens = tokens + table.astype(tokens.dtype)
        return tokens, self.text(text)


class CogVideoXHead(nnx.Module):
    """LayerNorm, a second LayerNorm shifted and scaled by the diffusion step, then linear.

    diffusers ``cogvideox_transformer_3d.py``, ``norm_final``, ``norm_out`` and ``proj_out``.

    Args:
        in_features: Width of the tokens.
        out_features: Channels of a patch of the latent.
        conditioning_features: Width of the embedding of the diffusion step.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        conditioning_features: int = 512,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.norm1 = nnx.LayerNorm(in_features, epsilon=1e-5, **common)
        self.modulation = nnx.Linear(conditioning_features, 2 * in_features, **common)
        self.norm2 = nnx.LayerNorm(in_features, epsilon=1e-5, **common)
        self.proj = nnx.Linear(in_features, out_features, **common)

    def __call__(
        self,
        x: Float[Array, "batch tokens in_features"],
        conditioning: Float[Array, "batch conditioning_features"],
    ) -> Float[Array, "batch tokens out_features"]:
        """Predict the patches of the tokens ``x`` after the last block."""
        shift, scale = chunks(self.modulation(jax.nn.silu(conditioning)), 2)
        return self.proj(modulate(self.norm2(self.norm1(x)), shift, scale))


def cogvideox_angles(grid: Grid, head_dim: int, dtype: Dtype) -> Float[Array, "tokens pairs"]:
    """Angles of CogVideoX's tokens: a quarter of a head turns with time, the rest with space."""
    space = head_dim // 8 * 3 // 2
    return axis_angles(grid, (head_dim // 8, space, space), 10_000.0, dtype)


def sinusoid_table(
    grid: Grid, features: int, spatial_scale: float, dtype: Dtype
) -> Float[Array, "tokens features"]:
    """Sines, then cosines of each axis' position: a quarter for time, then width, then height."""

    def wave(length: int, width: int, scale: float) -> Float[Array, "length width"]:
        turned = (jnp.arange(length, dtype=dtype) / scale)[:, None]
        turned = turned * geometric(width // 2, 10_000.0, dtype)
        return jnp.concatenate([jnp.sin(turned), jnp.cos(turned)], axis=-1)

    quarter, rest = features // 4, 3 * features // 8
    parts = [
        wave(grid[0], quarter, 1.0)[:, None, None],
        wave(grid[2], rest, spatial_scale)[None, None],
        wave(grid[1], rest, spatial_scale)[None, :, None],
    ]
    table = [jnp.broadcast_to(part, (*grid, part.shape[-1])) for part in parts]
    return jnp.concatenate(table, axis=-1).reshape(-1, features)
