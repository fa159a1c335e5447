"""Diffusion transformer blocks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.multihead import attend

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class WanBlock(nnx.Module):
    """A block of Wan's video diffusion transformer.

    Self-attention over all space-time tokens, cross-attention to the text, and a feed-forward
    network; the first and the last are shifted, scaled and gated by the diffusion step.

    Wan Team, "Wan: Open and Advanced Large-Scale Video Generative Models", 2025, arXiv:2503.20314;
    Wan-Video/Wan2.1 ``wan/modules/model.py``, ``WanAttentionBlock`` (text to video). The residual
    stream stays in the dtype of ``x``, as in diffusers ``transformer_wan.py``.

    Args:
        in_features: Width of the tokens, of the text and of the output.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward network.
        grid: Frames, height and width of the token grid; its raster order is that of the tokens.
        theta: Base of the rotary wavelengths.
        epsilon: Added to the variance in every norm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        grid: tuple[int, int, int],
        *,
        theta: float = 10_000.0,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.head_dim = in_features // num_heads
        self.grid = grid
        self.theta = theta
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        attention = partial(
            WanAttention, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        norm = partial(nnx.LayerNorm, epsilon=epsilon, rngs=rngs)
        # Modulated norms come out at least in float32, to be shifted and scaled before rounding.
        wide = None if dtype is None else _wide(dtype)
        plain_norm = partial(norm, use_scale=False, use_bias=False, dtype=wide)

        self.scale_shift_table = nnx.Param(
            jax.random.normal(rngs.params(), (6, in_features), param_dtype) * in_features**-0.5
        )
        self.norm1 = plain_norm(in_features)
        self.self_attention = attention(in_features, num_heads)
        self.norm3 = norm(in_features, dtype=dtype, param_dtype=param_dtype)
        self.cross_attention = attention(in_features, num_heads)
        self.norm2 = plain_norm(in_features)
        self.expand = linear(in_features, mlp_dim)
        self.contract = linear(mlp_dim, in_features)

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        text: Float[Array, "batch text_tokens features"],
        modulation: Float[Array, "batch 6 features"],
    ) -> Float[Array, "batch tokens features"]:
        """Transform the tokens.

        Args:
            x: Video tokens.
            text: Text tokens, already projected to the width of the model.
            modulation: Projected embedding of the diffusion step, to which a learned table is
                added: shift, scale and gate of self-attention, then of the feed-forward network.
        """
        kind = x.dtype
        steps = modulation.astype(_wide(kind)) + self.scale_shift_table[...]
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(steps, 6, axis=1)
        angles = rotary_angles(self.grid, self.head_dim, self.theta, _wide(kind))

        h = (self.norm1(x) * (1 + scale1) + shift1).astype(kind)
        x = (x + self.self_attention(h, h, angles) * gate1).astype(kind)
        x = x + self.cross_attention(self.norm3(x), text)
        h = (self.norm2(x) * (1 + scale2) + shift2).astype(kind)
        h = self.contract(nnx.gelu(self.expand(h), approximate=True))
        return (x + h * gate2).astype(kind)


class WanAttention(nnx.Module):
    """Multi-head attention with RMS-norm of queries and keys over all heads together.

    Wan-Video/Wan2.1 ``wan/modules/model.py``, ``WanSelfAttention`` and ``WanT2VCrossAttention``.

    Args:
        in_features: Width of queries, keys, values and output.
        num_heads: Attention heads.
        epsilon: Added to the mean square in the norms.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        *,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads = num_heads
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        norm = partial(
            nnx.RMSNorm, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.query = linear(in_features, in_features)
        self.key = linear(in_features, in_features)
        self.value = linear(in_features, in_features)
        self.out = linear(in_features, in_features)
        self.query_norm = norm(in_features)
        self.key_norm = norm(in_features)

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        source: Float[Array, "batch source_tokens features"],
        angles: Float[Array, "tokens pairs"] | None = None,
    ) -> Float[Array, "batch tokens features"]:
        """Attend from ``x`` to ``source``; ``angles`` rotate the queries and the keys."""
        heads = (self.num_heads, x.shape[-1] // self.num_heads)
        q = self.query_norm(self.query(x)).reshape(*x.shape[:2], *heads)
        k = self.key_norm(self.key(source)).reshape(*source.shape[:2], *heads)
        v = self.value(source).reshape(*source.shape[:2], *heads)
        if angles is not None:
            q, k = rotate(q, angles), rotate(k, angles)
        return self.out(attend(q, k, v).reshape(x.shape))


def rotary_angles(
    grid: tuple[int, int, int], head_dim: int, theta: float, dtype: Dtype
) -> Float[Array, "tokens pairs"]:
    """Rotation angle of every token of a T×H×W grid and every pair of a head's features.

    A third of the pairs (rounded down) turns with the height and as many with the width; the rest,
    which come first, turn with time.
    """
    third = head_dim // 6
    angles = []
    for axis, pairs in enumerate((head_dim // 2 - 2 * third, third, third)):
        frequencies = theta ** (-jnp.arange(pairs, dtype=dtype) / pairs)
        turned = jnp.arange(grid[axis], dtype=dtype)[:, None] * frequencies
        along = [1, 1, 1, pairs]
        along[axis] = grid[axis]
        angles.append(jnp.broadcast_to(turned.reshape(along), (*grid, pairs)))
    return jnp.concatenate(angles, axis=-1).reshape(-1, head_dim // 2)


def rotate(
    x: Float[Array, "batch tokens heads head_dim"], angles: Float[Array, "tokens pairs"]
) -> Float[Array, "batch tokens heads head_dim"]:
    """Turn each pair of neighbouring features by its angle."""
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    even, odd = pairs[..., 0], pairs[..., 1]
    cos, sin = jnp.cos(angles)[:, None], jnp.sin(angles)[:, None]
    turned = jnp.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return turned.reshape(x.shape).astype(x.dtype)


def _wide(dtype: Dtype) -> Dtype:
    """Return the dtype, but float32 at least."""
    return jnp.promote_types(dtype, jnp.float32)
