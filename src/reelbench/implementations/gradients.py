"""The gradient of a convolution with respect to its input, as convolutions without strides.

Written plainly it is a convolution of an input with zeros between its elements. Some compilers
multiply by those zeros, or do so one element at a time: the gradient of a 3×7×7 stem with strides
of 2 takes seconds. Here each phase of the stride is a small convolution of its own that meets
nothing but data, and the phases are interleaved.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.geometry import Geometry, is_tiling

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Convolve = Callable[[jax.Array, jax.Array, Geometry], jax.Array]
"""Input, kernel and geometry to output."""

KernelGradient = Callable[[jax.Array, jax.Array, tuple[int, ...], Geometry], jax.Array]
"""Input, gradient with respect to the output, lengths of the kernel and geometry to gradient."""


def differentiable(
    convolve: Convolve,
    kernel_gradient: KernelGradient,
    geometry: Geometry,
    of_gradient: Convolve | None = None,
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """A convolution of input and kernel whose backward pass is made of the same parts.

    Args:
        convolve: Any convolution of this kind; it computes the gradient of the input too.
        kernel_gradient: The gradient with respect to its kernel.
        geometry: Of the convolution; see `has_phases`.
        of_gradient: Convolves with the kernel turned round, as the gradient of the input does: its
            taps stand in reverse and its input channels are the last axis. Without it the kernel
            is turned first, which of a large one takes a CPU as long as the products.
    """
    backwards = of_gradient or _turning(convolve)

    @jax.custom_vjp
    def run(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return convolve(x, kernel, geometry)

    def forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        return run(x, kernel), (x, kernel)

    def backward(
        kept: tuple[jax.Array, jax.Array], gradient: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        x, kernel = kept
        return (
            input_gradient(gradient, kernel, x.shape, geometry, backwards),
            kernel_gradient(x, gradient, kernel.shape[: geometry.rank], geometry),
        )

    run.defvjp(forward, backward)
    return run


def _turning(convolve: Convolve) -> Convolve:
    """A convolution with the kernel turned round."""

    def run(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
        turned = jnp.swapaxes(lax.rev(kernel, range(geometry.rank)), -1, -2)
        return convolve(x, turned, geometry)

    return run


def has_phases(geometry: Geometry) -> bool:
    """Whether the gradient can be taken by phases: no axis that strides dilates or crops too."""
    return all(
        stride == 1 or (spread == 1 and min(padding) >= 0)
        for stride, spread, padding in zip(
            geometry.strides, geometry.dilation, geometry.padding, strict=True
        )
    )


def input_gradient(
    gradient: Float[Array, "n *outputs o"],
    kernel: Float[Array, "*taps c o"],
    shape: Sequence[int],
    geometry: Geometry,
    convolve: Convolve,
) -> Float[Array, "n *sizes c"]:
    """The gradient with respect to the input of a convolution.

    Args:
        gradient: With respect to its output.
        kernel: Its kernel.
        shape: Of its input.
        geometry: Of the convolution; see `has_phases`.
        convolve: A convolution without strides, with the kernel turned round.
    """
    lengths, sizes = kernel.shape[:-2], shape[1:-1]
    outputs = gradient.shape[1:-1]
    if geometry.groups == 1 and is_tiling(lengths, geometry):
        return _of_tiles(gradient, kernel, sizes, geometry)
    axes = [
        _axis(*each)
        for each in zip(
            sizes,
            lengths,
            outputs,
            geometry.strides,
            geometry.padding,
            geometry.dilation,
            strict=True,
        )
    ]
    parts = [
        _phase(gradient, kernel, shape[-1], geometry, phases, convolve)
        for phases in itertools.product(*axes)
    ]
    joined = _interleaved(parts, geometry.strides)
    starts = [
        low if stride > 1 else 0
        for stride, (low, _) in zip(geometry.strides, geometry.padding, strict=True)
    ]
    places = [slice(start, start + size) for start, size in zip(starts, sizes, strict=True)]
    return joined[(slice(None), *places)]


def _of_tiles(
    gradient: Float[Array, "n *outputs o"],
    kernel: Float[Array, "*taps c o"],
    sizes: Sequence[int],
    geometry: Geometry,
) -> Float[Array, "n *sizes c"]:
    """The gradient where no two outputs see the same input: one matrix product, put in place."""
    batch, *outputs, features = gradient.shape
    lengths, rank = kernel.shape[:-2], geometry.rank
    rows = lax.dot_general(
        gradient.reshape(-1, features),
        kernel.reshape(-1, features),
        (((1,), (1,)), ((), ())),
        precision=geometry.precision,
        preferred_element_type=jnp.promote_types(gradient.dtype, jnp.float32),
    ).astype(gradient.dtype)
    order = [0]
    for axis in range(rank):
        order += [1 + axis, 1 + rank + axis]
    tiles = rows.reshape(batch, *outputs, *lengths, -1).transpose(*order, 2 * rank + 1)
    joined = tiles.reshape(
        batch, *(count * taps for count, taps in zip(outputs, lengths, strict=True)), -1
    )
    # What no output sees, behind the last one, has no gradient.
    edges = [
        (-low, low + size - length, 0)
        for size, length, (low, _) in zip(sizes, joined.shape[1:-1], geometry.padding, strict=True)
    ]
    return lax.pad(joined, jnp.zeros((), joined.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


# Of one phase of one axis: its number, how many taps it has, the padding it takes.
_Phase = tuple[int, int, tuple[int, int]]


def _axis(
    size: int, taps: int, outputs: int, stride: int, padding: tuple[int, int], spread: int
) -> list[_Phase]:
    low, high = padding
    if stride == 1:
        reach = (taps - 1) * spread
        return [(0, taps, (reach - low, reach - high))]
    # Every phase covers positions 0, stride, 2 stride, … of the padded input, up to its last.
    length = -(-(low + size) // stride)
    phases = []
    for phase in range(stride):
        own = len(range(phase, taps, stride))
        phases.append((phase, own, (max(own - 1, 0), length - outputs)))
    return phases


def _phase(
    gradient: Float[Array, "n *outputs o"],
    kernel: Float[Array, "*taps c o"],
    features: int,
    geometry: Geometry,
    phases: Sequence[_Phase],
    convolve: Convolve,
) -> Float[Array, "n *lengths c"]:
    """The gradient at the positions of one phase of every axis."""
    padding = tuple(each[2] for each in phases)
    if not all(own for _, own, _ in phases):
        outputs = gradient.shape[1:-1]
        sizes = [
            size + sum(edge) - max(own - 1, 0) * spread
            for size, (_, own, edge), spread in zip(outputs, phases, geometry.dilation, strict=True)
        ]
        return jnp.zeros((gradient.shape[0], *sizes, features), gradient.dtype)
    places = [
        slice(phase, None, stride)
        for (phase, _, _), stride in zip(phases, geometry.strides, strict=True)
    ]
    own = replace(geometry, strides=(1,) * geometry.rank, padding=padding)
    return convolve(gradient, kernel[tuple(places)], own)


def _interleaved(
    parts: Sequence[Float[Array, "n *lengths c"]], strides: Sequence[int]
) -> Float[Array, "n *sizes c"]:
    """The positions of all phases in their order; the parts are in the order of a product."""
    if len(parts) == 1:
        return parts[0]
    batch, *lengths, features = parts[0].shape
    stacked = jnp.stack(parts).reshape(*strides, batch, *lengths, features)
    rank = len(strides)
    order = [rank]
    for axis in range(rank):
        order += [rank + 1 + axis, axis]
    sizes = [length * stride for length, stride in zip(lengths, strides, strict=True)]
    return stacked.transpose(*order, 2 * rank + 1).reshape(batch, *sizes, features)
