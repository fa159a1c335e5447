"""The table of implementations of a convolution."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from reelbench.implementations import folded, patches, shifts, winograd
from reelbench.implementations.geometry import Geometry
from reelbench.implementations.gradients import has_phases
from reelbench.implementations.operation import Function, Operation
from reelbench.implementations.registry import Implementation, Limits, register

KIND = "convolution"

# Patches of a block, as multiples of the cache. They are written once and read once, in order, so
# that a little more than fits does not hurt; far more does.
_MULTIPLES = (1, 2, 4)


def _dense(operation: Operation) -> bool:
    return operation.details.groups == 1 and has_phases(operation.details)


def _depthwise(operation: Operation) -> bool:
    features = operation.shapes[0][-1]
    geometry: Geometry = operation.details
    one_each = operation.shapes[1][-2:] == (1, features)
    return geometry.groups == features > 1 and one_each and has_phases(geometry)


def _foldable(operation: Operation) -> bool:
    return _dense(operation) and operation.details.rank == 3


def _has_tiles(operation: Operation) -> bool:
    (_, kernel), geometry = operation.shapes, operation.details
    if geometry.rank == 2:
        kernel, geometry = (1, *kernel), _in_time(geometry)
    return geometry.rank == 3 and winograd.applies(kernel, geometry)


def _in_time(geometry: Geometry) -> Geometry:
    """The same over one frame."""
    return replace(
        geometry,
        strides=(1, *geometry.strides),
        padding=((0, 0), *geometry.padding),
        dilation=(1, *geometry.dilation),
    )


def _once(*_: Any) -> dict[str, Any]:
    return {"": None}


def _blocks(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Sizes of blocks of patches."""
    x, kernel = operation.shapes
    outputs = operation.details.out_sizes(x[1:-1], kernel[:-2])
    return _sizes(prod(outputs) * x[0] * prod(kernel[:-1]) * 4, limits)


def _tiles(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Sizes of blocks of transformed tiles."""
    x, kernel = operation.shapes
    outputs = operation.details.out_sizes(x[1:-1], kernel[:-2])
    return _sizes(9 * prod(outputs) * x[0] * sum(kernel[-2:]), limits)


def _sizes(whole: int, limits: Limits) -> dict[str, Any]:
    """Sizes of blocks, each once; a whole that is smaller than a block needs no other."""
    sizes = [multiple * limits.cache_bytes for multiple in _MULTIPLES]
    kept = [size for size in sizes if size < whole] + [max(sizes)] * (whole <= max(sizes))
    if len(kept) == 1:
        return {"": kept[0]}
    return {f"-{size // 2**10}k": size for size in kept}


def _of_patches(operation: Operation, block_bytes: int) -> Function:
    geometry = operation.details
    return lambda x, kernel: patches.convolve(x, kernel, geometry, block_bytes)


def _of_tiles(operation: Operation, block_bytes: int) -> Function:
    geometry = operation.details
    if geometry.rank == 3:
        return lambda x, kernel: winograd.convolve(x, kernel, geometry, block_bytes)
    still = _in_time(geometry)
    return lambda x, kernel: winograd.convolve(x[:, None], kernel[None], still, block_bytes)[:, 0]


def _of_shifts(operation: Operation, _: None) -> Function:
    geometry = operation.details
    return lambda x, kernel: shifts.convolve(x, kernel, geometry)


def _of_folds(operation: Operation, _: None) -> Function:
    geometry = operation.details
    return lambda x, kernel: folded.convolve(x, kernel, geometry)


register(Implementation("patches", KIND, _dense, _of_patches, _blocks))
register(Implementation("winograd", KIND, _has_tiles, _of_tiles, _tiles, digits_lost=1))
register(Implementation("shifts", KIND, _depthwise, _of_shifts, _once))
register(Implementation("folded", KIND, _foldable, _of_folds, _once))
