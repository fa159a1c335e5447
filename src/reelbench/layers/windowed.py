"""Attention inside 3-D windows that shift from block to block."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.multihead import MLP, MultiHead
from reelbench.layers.windowed_stages import PatchEmbedding3D, PatchMerging, PooledHead

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float, Int

__all__ = ["PatchEmbedding3D", "PatchMerging", "PooledHead", "SwinBlock3D"]

Size = tuple[int, int, int]


def acting_window(size: Size, window: Size, shift: Size) -> tuple[Size, Size]:
    """Give the window and shift that act on a volume: short axes are one window, without shift.

    Args:
        size: Lengths of the volume along time, height and width.
        window: Lengths of a window.
        shift: Distances by which the windows are shifted.
    """
    pairs = [(n, 0) if n <= w else (w, s) for n, w, s in zip(size, window, shift, strict=True)]
    (wt, st), (wh, sh), (ww, sw) = pairs
    return (wt, wh, ww), (st, sh, sw)


def partition(
    x: Float[Array, "batch t h w c"], window: Size
) -> Float[Array, "batch_windows window c"]:
    """Cut a volume into windows; those of one clip follow each other."""
    batch, t, h, w, c = x.shape
    wt, wh, ww = window
    x = x.reshape(batch, t // wt, wt, h // wh, wh, w // ww, ww, c)
    return x.transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, wt * wh * ww, c)


def unpartition(
    windows: Float[Array, "batch_windows window c"], size: Size, window: Size
) -> Float[Array, "batch t h w c"]:
    """Put the windows of `partition` back together."""
    (t, h, w), (wt, wh, ww) = size, window
    x = windows.reshape(-1, t // wt, h // wh, w // ww, wt, wh, ww, windows.shape[-1])
    return x.transpose(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, t, h, w, windows.shape[-1])


def shift_mask(size: Size, window: Size, shift: Size) -> Bool[Array, "windows 1 window window"]:
    """Which pairs of a shifted window are neighbours in the clip, not joined by the wrap-around."""
    sides = [
        2**axis * (jnp.arange(n) >= n - s) if s else jnp.zeros(n, int)
        for axis, (n, s) in enumerate(zip(size, shift, strict=True))
    ]
    # Each region has a number of its own; comparing three sides for every pair takes far longer.
    region = jnp.stack(jnp.meshgrid(*sides, indexing="ij")).sum(0)
    inside = partition(region[None, ..., None], window)[..., 0]
    return inside[:, None, :, None] == inside[:, None, None, :]


def relative_index(window: Size, table: Size) -> Int[Array, "window window"]:
    """Row of the bias table for each pair of positions in a window.

    ``table`` is the window that the table was made for. In a smaller window a position has the
    offsets of the position of the same flat number in that window, as in torchvision.
    """
    numbers = jnp.arange(math.prod(window))
    index = jnp.zeros((numbers.size, numbers.size), jnp.int32)
    for n, position in zip(table, jnp.unravel_index(numbers, table), strict=True):
        offset = position[:, None] - position[None, :]
        index = index * (2 * n - 1) + offset + n - 1
    return index


class SwinBlock3D(nnx.Module):
    """A pre-norm Swin block with attention inside (shifted) 3-D windows.

    Liu et al., "Video Swin Transformer", 2022, arXiv:2106.13230; torchvision
    ``models/video/swin_transformer.py``, ``ShiftedWindowAttention3d`` in ``SwinTransformerBlock``.
    The volume is padded with zeros behind to whole windows, and the padding takes part in the
    attention, as there.

    Args:
        in_features: Channels of a position.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        window: Window lengths along time, height and width.
        shift: Distances by which the windows are shifted; an axis no longer than its window is one
            window, without shift.
        epsilon: Epsilon of the LayerNorms.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        *,
        window: Size = (8, 7, 7),
        shift: Size = (0, 0, 0),
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.window, self.shift = window, shift
        self.norm1 = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.attn = MultiHead(
            in_features, num_heads, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.bias_table = nnx.Param(
            nnx.initializers.truncated_normal(0.02)(
                rngs.params(), (math.prod(2 * n - 1 for n in window), num_heads), param_dtype
            )
        )
        self.norm2 = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.mlp = MLP(in_features, mlp_dim, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w in_features"]:
        """Mix the positions of each window of ``x``."""
        x = x + self._attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))

    def _attend(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w in_features"]:
        batch, t, h, w, _ = x.shape
        window, shift = acting_window((t, h, w), self.window, self.shift)
        behind = [-n % length for n, length in zip((t, h, w), window, strict=True)]
        x = jnp.pad(x, [(0, 0), *((0, n) for n in behind), (0, 0)])
        _, *padded, _ = x.shape
        size = (padded[0], padded[1], padded[2])

        index = relative_index(window, self.window)
        bias = self.bias_table[...].astype(x.dtype)[index].transpose(2, 0, 1)[None]
        mask = None
        if any(shift):
            x = jnp.roll(x, [-s for s in shift], axis=(1, 2, 3))
            mask = jnp.tile(shift_mask(size, window, shift), (batch, 1, 1, 1))
        x = unpartition(self.attn(partition(x, window), bias=bias, mask=mask), size, window)
        if any(shift):
            x = jnp.roll(x, shift, axis=(1, 2, 3))
        return x[:, :t, :h, :w]
