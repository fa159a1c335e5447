"""Where the taps of a convolution's kernel meet its input; channels last, over any axes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Padding = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Geometry:
    """What a convolution does along its spatial axes.

    Attributes:
        strides: Steps of the kernel.
        padding: Zeros before and after; negative ones crop.
        dilation: Distance of neighbouring taps.
        groups: Into how many groups the channels fall, each convolved alone.
        precision: Of the products, as JAX takes it; None for the one in force.
    """

    strides: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    groups: int = 1
    precision: Any = None

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.strides)

    def out_sizes(self, sizes: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """Lengths of the output along the spatial axes.

        Args:
            sizes: Lengths of the input.
            kernel: Lengths of the kernel.
        """
        return tuple(
            max((size + low + high - (taps - 1) * spread - 1) // stride + 1, 0)
            for size, taps, stride, (low, high), spread in zip(
                sizes, kernel, self.strides, self.padding, self.dilation, strict=True
            )
        )

    def reach(self, outputs: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """How much of the padded input so many neighbouring outputs see along each axis."""
        return tuple(
            (count - 1) * stride + (taps - 1) * spread + 1
            for count, taps, stride, spread in zip(
                outputs, kernel, self.strides, self.dilation, strict=True
            )
        )


def over_frames(geometry: Geometry) -> tuple[Geometry, Geometry]:
    """What a convolution does along its first axis alone, and what it does along the others.

    Two geometries that are applied one after the other, the first one over all axes.
    """
    others = geometry.rank - 1
    first = Geometry(
        strides=(geometry.strides[0], *(1,) * others),
        padding=(geometry.padding[0], *((0, 0),) * others),
        dilation=(geometry.dilation[0], *(1,) * others),
    )
    inner = replace(
        geometry,
        strides=geometry.strides[1:],
        padding=geometry.padding[1:],
        dilation=geometry.dilation[1:],
    )
    return first, inner


def uncropped(
    x: Float[Array, "n t h w c"], geometry: Geometry
) -> tuple[Float[Array, "n t h2 w2 c"], Geometry]:
    """The input, and what is left to do, where no axis but the first is cropped.

    Where a 2-D convolution crops, XLA on a CPU may return memory that it never wrote.
    """
    if all(edge >= 0 for edges in geometry.padding[1:] for edge in edges):
        return x, geometry
    still = ((0, 0),) * (geometry.rank - 1)
    laid_on = replace(geometry, padding=((0, 0), *geometry.padding[1:]))
    return padded(x, laid_on), replace(geometry, padding=(geometry.padding[0], *still))


def padded(x: Float[Array, "n *sizes c"], geometry: Geometry) -> Float[Array, "n *padded c"]:
    """The input with its padding."""
    if not any(map(any, geometry.padding)):
        return x
    edges = [(0, 0, 0), *((low, high, 0) for low, high in geometry.padding), (0, 0, 0)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def taps(kernel: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every place of a kernel, the last axis fastest: the order of its memory."""
    return itertools.product(*map(range, kernel))


def at_tap(
    x: Float[Array, "n *padded c"],
    tap: Sequence[int],
    outputs: Sequence[int],
    geometry: Geometry,
) -> Float[Array, "n *outputs c"]:
    """What one tap of the kernel meets, for each of so many neighbouring outputs.

    Args:
        x: Input, padded.
        tap: Place in the kernel.
        outputs: How many outputs along each axis, from the first on.
        geometry: Of the convolution.
    """
    starts = [place * spread for place, spread in zip(tap, geometry.dilation, strict=True)]
    ends = [
        start + (count - 1) * stride + 1
        for start, count, stride in zip(starts, outputs, geometry.strides, strict=True)
    ]
    return lax.slice(
        x, (0, *starts, 0), (x.shape[0], *ends, x.shape[-1]), (1, *geometry.strides, 1)
    )


def patches(
    x: Float[Array, "n *padded c"],
    kernel: Sequence[int],
    outputs: Sequence[int],
    geometry: Geometry,
    *,
    turned: bool = False,
) -> Float[Array, "positions taps*c"]:
    """What the whole kernel meets, for each output: a row of the matrix product's left side.

    Args:
        x: Input, padded.
        kernel: Its lengths.
        outputs: How many outputs along each axis, from the first on.
        geometry: Of the convolution.
        turned: Whether the kernel stands in reverse. Its first tap meets what is last then; that
            takes no time, where to reverse the kernel itself goes from number to number.
    """
    if is_tiling(kernel, geometry) and not turned:
        return _tiles(x, kernel, outputs)
    order = list(taps(kernel))
    # Axes of length one are folded away before the parts are joined.
    parts = [
        at_tap(x, tap, outputs, geometry).reshape(-1, outputs[-1], x.shape[-1])
        for tap in (reversed(order) if turned else order)
    ]
    whole = parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)
    return whole.reshape(x.shape[0] * prod(outputs), -1)


def is_tiling(kernel: Sequence[int], geometry: Geometry) -> bool:
    """Whether no two outputs see the same input: the kernel strides by its own lengths."""
    return tuple(kernel) == geometry.strides and all(each == 1 for each in geometry.dilation)


def _tiles(
    x: Float[Array, "n *padded c"], kernel: Sequence[int], outputs: Sequence[int]
) -> Float[Array, "positions taps*c"]:
    """Patches that do not overlap are the input itself, its axes cut and turned."""
    lengths = [count * taps for count, taps in zip(outputs, kernel, strict=True)]
    cropped = x[(slice(None), *map(slice, lengths))]
    cut = [each for pair in zip(outputs, kernel, strict=True) for each in pair]
    rank = len(outputs)
    places, own = range(1, 2 * rank, 2), range(2, 2 * rank + 1, 2)
    turned = cropped.reshape(x.shape[0], *cut, x.shape[-1]).transpose(
        0, *places, *own, 2 * rank + 1
    )
    return turned.reshape(x.shape[0] * prod(outputs), -1)
