"""Convolution whose taps stand on both sides of a matrix product, forward and backward.

The taps of the first axis, time of a volume, are columns of the product's right side, and what they
made is shifted and added up afterwards; the taps of the other axes are written out as patches. Of a
3×3×3 kernel that copies the input nine times instead of 27, and makes three times the output. A
block of the other axes at a time, whose positions are many enough for a fast product.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.blocks import Blocks, cut, extended, filled
from reelbench.implementations.geometry import Geometry, padded, patches

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def applies(kernel: Sequence[int], geometry: Geometry) -> bool:
    """Whether there is a first axis with taps to take apart, and another one beside it."""
    return geometry.rank > 1 and kernel[0] > 1 and geometry.strides[0] == 1 == geometry.groups


@dataclass(frozen=True)
class _Cut:
    """A convolution cut into blocks of all axes but the first.

    Attributes:
        blocks: Of the outputs along the other axes.
        inner: What the convolution does along them.
        lengths: Of the kernel along them.
        frames: Lengths of input and output along the first axis.
        shifts: By how much what each tap of the first axis makes is too early in the output.
    """

    blocks: Blocks
    inner: Geometry
    lengths: tuple[int, ...]
    frames: tuple[int, int]
    shifts: tuple[int, ...]

    def whole(self, x: Float[Array, "n t *sizes c"]) -> Float[Array, "n*t *padded c"]:
        """The input with what all blocks see along the other axes."""
        flat = padded(x.reshape(-1, *x.shape[2:]), self.inner)
        return extended(flat, self.lengths, self.blocks, self.inner)

    def rows(
        self, whole: Float[Array, "n*t *padded c"], index: jax.Array, *, turned: bool = False
    ) -> Float[Array, "positions taps*c"]:
        """Patches of one block, for all frames of its clip."""
        clip, numbers = self.blocks.place(index)
        steps = zip(numbers, self.blocks.size, self.inner.strides, strict=True)
        starts = [number * size * stride for number, size, stride in steps]
        reach = self.inner.reach(self.blocks.size, self.lengths)
        sizes = (self.frames[0], *reach, whole.shape[-1])
        seen = lax.dynamic_slice(whole, (clip * self.frames[0], *starts, 0), sizes)
        return patches(seen, self.lengths, self.blocks.size, self.inner, turned=turned)

    def place(self, index: jax.Array) -> tuple[jax.Array | int, ...]:
        """Where the outputs of one block begin."""
        clip, numbers = self.blocks.place(index)
        starts = [number * size for number, size in zip(numbers, self.blocks.size, strict=True)]
        return (clip, 0, *starts, 0)


def _cut(shape: Sequence[int], lengths: Sequence[int], geometry: Geometry, positions: int) -> _Cut:
    sizes = tuple(shape[1:-1])
    outputs = geometry.out_sizes(sizes, lengths)
    inner = Geometry(
        strides=geometry.strides[1:], padding=geometry.padding[1:], dilation=geometry.dilation[1:]
    )
    low, apart = geometry.padding[0][0], geometry.dilation[0]
    return _Cut(
        # A position of the other axes counts once a frame.
        blocks=cut(shape[0], outputs[1:], sizes[0], positions, fewest=1),
        inner=inner,
        lengths=tuple(lengths[1:]),
        frames=(sizes[0], outputs[0]),
        shifts=tuple(low - tap * apart for tap in range(lengths[0])),
    )


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
        geometry: Strides, padding and dilation; see `applies`.
        positions: Rows of a block's matrix product, about.
        turned: Whether the kernel's taps stand in reverse and its input channels are last.
    """
    made = _cut(x.shape, kernel.shape[:-2], geometry, positions)
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
            _shifted(products[..., tap, :], shift, made.frames[1])
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
    made = _cut(x.shape, lengths, geometry, positions)
    blocks, out = made.blocks, gradient.shape[-1]
    whole = made.whole(x)
    given = filled(gradient, blocks)
    sizes = (1, made.frames[1], *blocks.size, out)
    wide = jnp.promote_types(x.dtype, jnp.float32)

    def add(index: jax.Array, total: jax.Array) -> jax.Array:
        own = lax.dynamic_slice(given, made.place(index), sizes)[0]
        parts = [_shifted(own, -shift, made.frames[0]) for shift in made.shifts]
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


def _shifted(
    frames: Float[Array, "t *size o"], shift: int, length: int
) -> Float[Array, "length *size o"]:
    """So many frames, the first of them ``shift`` places later; none where there was none."""
    edges = (shift, length - frames.shape[0] - shift, 0)
    zero = jnp.zeros((), frames.dtype)
    return lax.pad(frames, zero, [edges, *[(0, 0, 0)] * (frames.ndim - 1)])
