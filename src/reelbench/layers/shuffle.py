"""Channels to space and time and back, without arithmetic: what autoencoders patch clips with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Factors = tuple[int, int, int]


def space_to_depth(
    x: Float[Array, "batch t h w c"], factors: Factors, order: str = "cthw"
) -> Float[Array, "batch t2 h2 w2 c2"]:
    """Move each t×h×w patch into the channels.

    Args:
        x: A clip, divisible by the factors.
        factors: Lengths of a patch along time, height and width.
        order: The new channels, slowest first: the old channel (c) and the position in the patch.
    """
    batch, frames, height, width, features = x.shape
    t, h, w = factors
    split = x.reshape(batch, frames // t, t, height // h, h, width // w, w, features)
    axis = {"t": 2, "h": 4, "w": 6, "c": 7}
    moved = split.transpose(0, 1, 3, 5, *(axis[name] for name in order))
    return moved.reshape(*moved.shape[:4], -1)


def depth_to_space(
    x: Float[Array, "batch t h w c"], factors: Factors, order: str = "cthw"
) -> Float[Array, "batch t2 h2 w2 c2"]:
    """The inverse of `space_to_depth`."""
    batch, frames, height, width, features = x.shape
    length = dict(zip("thw", factors, strict=True))
    length["c"] = features // (factors[0] * factors[1] * factors[2])
    split = x.reshape(batch, frames, height, width, *(length[name] for name in order))
    t, h, w, c = (4 + order.index(name) for name in "thwc")
    moved = split.transpose(0, 1, t, 2, h, 3, w, c)
    return moved.reshape(batch, frames * factors[0], height * factors[1], width * factors[2], -1)


def enlarge(x: Float[Array, "batch t h w c"], factors: Factors) -> Float[Array, "batch t2 h2 w2 c"]:
    """Repeat every frame, row and column: nearest-neighbour interpolation by whole factors."""
    for axis, factor in enumerate(factors, start=1):
        if factor > 1:
            x = jnp.repeat(x, factor, axis=axis)
    return x
