"""Deformable attention: weighted sums of feature maps sampled at computed positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax.typing import Dtype, Initializer

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def deformable_attention(
    value: Float[Array, "batch tokens heads head_dim"],
    levels: tuple[tuple[int, int], ...],
    locations: Float[Array, "batch queries heads levels points 2"],
    weights: Float[Array, "batch queries heads levels points"],
) -> Float[Array, "batch queries heads head_dim"]:
    """Sum samples of several feature maps for each query and head.

    Zhu et al., "Deformable DETR", 2020, arXiv:2010.04159; mmcv
    ``ops/multi_scale_deform_attn.py``.

    Args:
        value: Feature maps in raster order, one after another.
        levels: Height and width of each feature map.
        locations: Where to sample, (x, y): 0 is the left or upper edge of a map, 1 the other edge.
        weights: What each sample is multiplied by.
    """
    over_heads = jax.vmap(bilinear_sample, in_axes=(2, 1, 1), out_axes=1)
    sample = jax.vmap(over_heads)
    total = jnp.zeros((), jnp.result_type(value, weights))
    start = 0
    for level, (height, width) in enumerate(levels):
        tokens = value[:, start : start + height * width]
        maps = tokens.reshape(-1, height, width, *value.shape[2:])
        # The centre of the first pixel is half a pixel from the edge.
        x = locations[:, :, :, level, :, 0] * width - 0.5
        y = locations[:, :, :, level, :, 1] * height - 0.5
        samples = sample(maps, x, y)
        total = total + jnp.sum(samples * weights[:, :, :, level, :, None], axis=-2)
        start += height * width
    return total


def bilinear_sample(
    image: Float[Array, "height width channels"],
    x: Float[Array, "*points"],
    y: Float[Array, "*points"],
) -> Float[Array, "*points channels"]:
    """Interpolate between the four pixels around each position; outside the image all is zero.

    Positions count pixels from the centre of the first one.
    """
    height, width, channels = image.shape
    pixels = image.reshape(height * width, channels)
    left, top = jnp.floor(x), jnp.floor(y)
    right_share, bottom_share = x - left, y - top
    total = jnp.zeros((), jnp.result_type(image, x))
    for row, row_share in ((top, 1 - bottom_share), (top + 1, bottom_share)):
        for column, column_share in ((left, 1 - right_share), (left + 1, right_share)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            share = jnp.where(inside, row_share * column_share, 0)
            # Clipped before the cast: a position far outside must not overflow.
            row_index = jnp.clip(row, 0, height - 1).astype(jnp.int32)
            column_index = jnp.clip(column, 0, width - 1).astype(jnp.int32)
            found = pixels.at[row_index * width + column_index].get(mode="promise_in_bounds")
            total = total + share[..., None] * found
    return total


def star(num_heads: int, num_maps: int, num_points: int, *, repeats: int = 1) -> Initializer:
    """Sampling offsets to start from: a head looks in its own direction, each point a pixel on.

    Args:
        num_heads: Attention heads.
        num_maps: Feature maps that each head samples.
        num_points: Samples a head takes from each map.
        repeats: How many sets of such points a head has, one set after another.
    """

    def offsets(key: Array, shape: tuple[int, ...], dtype: Dtype) -> Float[Array, " offsets"]:
        del key
        turn = jnp.arange(num_heads) * (2 * jnp.pi / num_heads)
        direction = jnp.stack([jnp.cos(turn), jnp.sin(turn)], axis=-1)
        direction /= jnp.max(jnp.abs(direction), axis=-1, keepdims=True)
        distance = jnp.tile(jnp.arange(1, num_points + 1), repeats)
        rays = direction[:, None, None, :] * distance[:, None]
        every = (num_heads, num_maps, repeats * num_points, 2)
        return jnp.broadcast_to(rays, every).reshape(shape).astype(dtype)

    return offsets
