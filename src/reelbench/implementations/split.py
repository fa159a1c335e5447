"""Convolution whose taps stand on both sides of a matrix product, forward and backward.

The taps of the first axis, time of a volume, are columns of the product's right side, and what they
made is shifted and added up afterwards; the taps of the other axes are written out as patches. Of a
3×3×3 kernel that copies the input nine times instead of 27, and makes three times the output. A
block of the other axes at a time, whose positions are many enough for a fast product.
"""

from __future__ import annotations

import functools
from math import prod
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.blocks import filled
from reelbench.implementations.frames import frames_of, shifted
from reelbench.implementations.geometry import Geometry

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def convolve(
    x: Float[Array, "n t *sizes c"],
    kernel: Float[Array, "kt *taps c o"],
    geometry: Geometry,
    positions: int,
    *,
    turned: bool = False,
) -> Float[Array, "n t2 *outputs o"]:
    """Convolve; the products of each tap of the first axis are added up after they are made.

    Args:
        x: Input, channels last.
        kernel: Kernel, its input and output channels last.
        geometry: Strides, padding and dilation; see `frames.applies`.
        positions: Rows of a block's matrix product, about.
        turned: Whether the kernel's taps stand in reverse and its input channels are last.
    """
    made = frames_of(x.shape, kernel.shape[:-2], geometry, positions)
    blocks, out = made.blocks, kernel.shape[-2 if turned else -1]
    whole = made.whole(x)
    # A product takes its right side either way.
    if turned:
        flat = jnp.moveaxis(kernel, -2, 1).reshape(kernel.shape[0] * out, -1)
    else:
        flat = jnp.moveaxis(kernel, 0, -2).reshape(-1, kernel.shape[0] * out)
    wide = jnp.promote_types(x.dtype, jnp.float32)

    def fill(index: jax.Array, y: jax.Array) -> jax.Array:
        products = lax.dot_general(
            made.rows(whole, index, turned=turned),
            flat,
            (((1,), (1 if turned else 0,)), ((), ())),
            precision=geometry.precision,
            preferred_element_type=wide,
        ).reshape(made.frames[0], *blocks.size, kernel.shape[0], out)
        parts = [
            shifted(products[..., tap, :], shift, made.frames[1])
            for tap, shift in enumerate(reversed(made.shifts) if turned else made.shifts)
        ]
        total = functools.reduce(jnp.add, parts).astype(y.dtype)
        return lax.dynamic_update_slice(y, total[None], made.place(index))

    empty = jnp.zeros((x.shape[0], made.frames[1], *blocks.whole, out), x.dtype)
    y = lax.fori_loop(0, blocks.number, fill, empty)
    return y[(slice(None), slice(None), *map(slice, blocks.outputs))]


def kernel_gradient(
    x: Float[Array, "n t *sizes c"],
    gradient: Float[Array, "n t2 *outputs o"],
    lengths: tuple[int, ...],
    geometry: Geometry,
    positions: int,
) -> Float[Array, "kt *taps c o"]:
    """The gradient with respect to the kernel, summed up over blocks.

    Args:
        x: Input of the convolution.
        gradient: With respect to its output.
        lengths: Of the kernel along the spatial axes.
        geometry: Of the convolution.
        positions: Rows of a block's matrix product, about.
    """
    made = frames_of(x.shape, lengths, geometry, positions)
    blocks, out = made.blocks, gradient.shape[-1]
    whole = made.whole(x)
    given = filled(gradient, blocks)
    sizes = (1, made.frames[1], *blocks.size, out)
    wide = jnp.promote_types(x.dtype, jnp.float32)

    def add(index: jax.Array, total: jax.Array) -> jax.Array:
        own = lax.dynamic_slice(given, made.place(index), sizes)[0]
        parts = [shifted(own, -shift, made.frames[0]) for shift in made.shifts]
        return total + lax.dot_general(
            made.rows(whole, index),
            jnp.concatenate(parts, axis=-1).reshape(-1, lengths[0] * out),
            (((0,), (0,)), ((), ())),
            precision=geometry.precision,
            preferred_element_type=wide,
        )

    start = jnp.zeros((prod(made.lengths) * x.shape[-1], lengths[0] * out), wide)
    total = lax.fori_loop(0, blocks.number, add, start)
    apart = total.astype(x.dtype).reshape(*made.lengths, x.shape[-1], lengths[0], out)
    return jnp.moveaxis(apart, -2, 0)
