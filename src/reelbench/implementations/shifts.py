"""Depthwise convolution as a sum of shifted products, forward and backward.

Each tap of the kernel scales the whole input, shifted. On a processor that is a few vector
instructions an element; a compiler that sees a convolution of as many groups as channels may well
treat each group alone.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.blocks import cut, extended, filled, outputs_of, window
from reelbench.implementations.geometry import Geometry, at_tap, padded, taps

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def convolve(
    x: Float[Array, "n *sizes c"], kernel: Float[Array, "*taps 1 c"], geometry: Geometry
) -> Float[Array, "n *outputs c"]:
    """Convolve each channel alone.

    Args:
        x: Input, channels last.
        kernel: One kernel a channel.
        geometry: Strides, padding and dilation; as many groups as channels.
    """
    lengths = kernel.shape[:-2]
    outputs = geometry.out_sizes(x.shape[1:-1], lengths)
    whole = padded(x, geometry)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    total = jnp.zeros((), wide)
    for tap in taps(lengths):
        total = total + at_tap(whole, tap, outputs, geometry).astype(wide) * kernel[tap]
    return total.astype(x.dtype)


def of_whole(
    x: Float[Array, "n *sizes c"], kernel: Float[Array, "*taps 1 c"], geometry: Geometry
) -> Float[Array, "n *outputs c"]:
    """The same with the padding written out first.

    A GPU that lays it on at every tap asks for each number whether it lies inside.
    """
    whole = lax.optimization_barrier(padded(x, geometry))
    still = replace(geometry, padding=((0, 0),) * geometry.rank)
    return convolve(whole, kernel, still)


def kernel_gradient(
    x: Float[Array, "n *sizes c"],
    gradient: Float[Array, "n *outputs c"],
    lengths: tuple[int, ...],
    geometry: Geometry,
    block_bytes: int,
) -> Float[Array, "*taps 1 c"]:
    """The gradient with respect to the kernel: a sum of products for each tap.

    A block of outputs at a time, which every tap finds in the cache; and as a matrix product with
    ones, as a compiler may sum up columns one after the other.

    Args:
        x: Input of the convolution.
        gradient: With respect to its output.
        lengths: Of the kernel along the spatial axes.
        geometry: Of the convolution.
        block_bytes: Bytes of a block of outputs, about.
    """
    features = x.shape[-1]
    blocks = cut(x.shape[0], gradient.shape[1:-1], features * x.dtype.itemsize, block_bytes)
    whole = extended(padded(x, geometry), lengths, blocks, geometry)
    given = filled(gradient, blocks)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    ones = jnp.ones((1, prod(blocks.size)), wide)

    def add(total: jax.Array, index: jax.Array) -> tuple[jax.Array, None]:
        seen = window(whole, index, lengths, blocks, geometry).astype(wide)
        own = outputs_of(given, index, blocks).astype(wide)
        sums = [
            ones @ (at_tap(seen, tap, blocks.size, geometry) * own).reshape(-1, features)
            for tap in taps(lengths)
        ]
        return total + jnp.concatenate(sums), None

    start = jnp.zeros((prod(lengths), features), wide)
    total = lax.scan(add, start, jnp.arange(blocks.number))[0]
    return total.reshape(*lengths, 1, features).astype(x.dtype)
