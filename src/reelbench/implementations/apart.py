"""Convolution with a matrix product for each tap of the first axis, forward and backward.

As `split`, but each tap's product is of the frames alone that it reads. Of two frames under three
taps in time a third of what `split` computes is beyond the clip. The kernel of a tap lies in one
piece, so that none is rearranged, and the gradient of one is made where it lies. Where frames are
many, one product of all taps is faster.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.blocks import filled
from reelbench.implementations.frames import Frames, frames_of, shifted
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
    """Convolve, tap by tap of the first axis.

    Args:
        x: Input, channels last.
        kernel: Kernel, its input and output channels last.
        geometry: Strides, padding and dilation; see `frames.applies`.
        positions: Rows of a block's matrix product with all frames, about.
        turned: Whether the kernel's taps stand in reverse and its input channels are last.
    """
    made = frames_of(x.shape, kernel.shape[:-2], geometry, positions)
    blocks, out = made.blocks, kernel.shape[-2 if turned else -1]
    whole = made.whole(x)
    if turned:
        flat = jnp.moveaxis(kernel, -2, 1).reshape(kernel.shape[0], out, -1)
    else:
        flat = kernel.reshape(kernel.shape[0], -1, out)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    frames, outputs = made.frames

    def fill(index: jax.Array, y: jax.Array) -> jax.Array:
        rows = made.rows(whole, index, turned=turned).reshape(frames, prod(blocks.size), -1)
        parts = []
        for tap, read, written in _taps(made):
            product = lax.dot_general(
                rows[read].reshape(-1, rows.shape[-1]),
                flat[-1 - tap if turned else tap],
                (((1,), (1 if turned else 0,)), ((), ())),
                precision=geometry.precision,
                preferred_element_type=wide,
            )
            product = product.reshape(-1, prod(blocks.size), out)
            parts.append(shifted(product, written.start, outputs))
        nothing = jnp.zeros((outputs, prod(blocks.size), out), wide)
        total = functools.reduce(jnp.add, parts) if parts else nothing
        placed = total.astype(y.dtype).reshape(1, outputs, *blocks.size, out)
        return lax.dynamic_update_slice(y, placed, made.place(index))

    empty = jnp.zeros((x.shape[0], outputs, *blocks.whole, out), x.dtype)
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
        positions: Rows of a block's matrix product with all frames, about.
    """
    made = frames_of(x.shape, lengths, geometry, positions)
    blocks, out = made.blocks, gradient.shape[-1]
    whole = made.whole(x)
    given = filled(gradient, blocks)
    frames, outputs = made.frames
    sizes = (1, outputs, *blocks.size, out)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    width = prod(made.lengths) * x.shape[-1]

    def add(index: jax.Array, totals: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        own = lax.dynamic_slice(given, made.place(index), sizes)
        own = own.reshape(outputs, prod(blocks.size), out)
        rows = made.rows(whole, index).reshape(frames, prod(blocks.size), width)
        found = list(totals)
        for tap, read, written in _taps(made):
            found[tap] += lax.dot_general(
                rows[read].reshape(-1, width),
                own[written].reshape(-1, out),
                (((0,), (0,)), ((), ())),
                precision=geometry.precision,
                preferred_element_type=wide,
            )
        return tuple(found)

    zeros = tuple(jnp.zeros((width, out), wide) for _ in range(lengths[0]))
    # One block needs no loop, and no sums beside its products.
    first = add(jnp.zeros((), jnp.int32), zeros)
    totals = lax.fori_loop(1, blocks.number, add, first) if blocks.number > 1 else first
    return jnp.stack(totals).astype(x.dtype).reshape(*lengths, x.shape[-1], out)


def _taps(made: Frames) -> Iterator[tuple[int, slice, slice]]:
    """Each tap of the first axis that reads any frame, these, and the outputs they go to."""
    frames, outputs = made.frames
    for tap, shift in enumerate(made.shifts):
        first, behind = max(0, -shift), min(frames, outputs - shift)
        if first < behind:
            yield tap, slice(first, behind), slice(first + shift, behind + shift)
