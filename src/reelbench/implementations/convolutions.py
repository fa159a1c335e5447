"""The table of implementations of a convolution."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import prod
from types import ModuleType
from typing import Any

import jax

from reelbench.implementations import (
    apart,
    folded,
    frames,
    onednn,
    patches,
    planes,
    shifts,
    split,
    winograd,
)
from reelbench.implementations.geometry import Geometry, is_tiling
from reelbench.implementations.gradients import differentiable, has_phases
from reelbench.implementations.operation import Function, Operation
from reelbench.implementations.registry import CPU, GPU, Implementation, Limits, alone, register

KIND = "convolution"

# Patches of a block, as multiples of the cache. They are written once and read once, in order, so
# that a little more than fits does not hurt; far more does.
_MULTIPLES = (1, 4)
# Transformed tiles are read by 36 products at once, which large pages of memory make cheap: the
# whole may be fastest, up to so much.
_MULTIPLES_OF_TILES = (1, 4, 256)
# Rows of a product, where a block is made of them.
_MULTIPLES_OF_ROWS = (1, 2)

# Bytes of a block for each row of the product of `split`. A product is fast from about a thousand
# rows on; its operands may lie in the next cache, but not in memory.
_ROW_BYTES = 2**10

# On a GPU a loop over blocks waits for each of them, and what is cut is the kernels' own affair;
# gradients are then what JAX makes of the forward pass.
_UNCUT: dict[str, Any] = {"": None}

# A program with a part for every tap of a larger kernel takes minutes to compile.
_MOST_TAPS = 200


def _dense(operation: Operation) -> bool:
    lengths, geometry = operation.shapes[1][:-2], operation.details
    if prod(lengths) > _MOST_TAPS and not is_tiling(lengths, geometry):
        return False
    return geometry.groups == 1 and has_phases(geometry)


def _depthwise(operation: Operation) -> bool:
    features = operation.shapes[0][-1]
    geometry: Geometry = operation.details
    one_each = operation.shapes[1][-2:] == (1, features)
    return geometry.groups == features > 1 and one_each and has_phases(geometry)


def _foldable(operation: Operation) -> bool:
    return _dense(operation) and operation.details.rank == 3


def _grouped(operation: Operation) -> bool:
    return operation.details.groups > 1 and operation.details.rank == 3


def _splittable(operation: Operation) -> bool:
    return _dense(operation) and frames.applies(operation.shapes[1][:-2], operation.details)


def _few_frames(operation: Operation) -> bool:
    """Whether so few that a good part of what `split` makes is beyond them."""
    (x, kernel), geometry = operation.shapes, operation.details
    return _splittable(operation) and x[1] < 2 * kernel[0] * geometry.dilation[0]


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


def _plane(_: Operation, limits: Limits) -> dict[str, Any]:
    """One size of blocks of outputs: what they see of the input must stay in the cache too."""
    return _UNCUT if limits.backend == GPU else {"": limits.cache_bytes // 8}


def _patches(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Sizes of blocks of patches; on a GPU only patches that take no more than the input."""
    if limits.backend != GPU:
        return _blocks(operation, limits)
    return _UNCUT if is_tiling(operation.shapes[1][:-2], operation.details) else {}


def _folds(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Sizes of blocks for the gradient of the kernel."""
    return _UNCUT if limits.backend == GPU else _blocks(operation, limits)


def _blocks(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Sizes of blocks of patches."""
    x, kernel = operation.shapes
    outputs = operation.details.out_sizes(x[1:-1], kernel[:-2])
    return _sizes(prod(outputs) * x[0] * prod(kernel[:-1]) * 4, limits)


def _tiles(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Sizes of blocks of transformed tiles."""
    x, kernel = operation.shapes
    outputs = operation.details.out_sizes(x[1:-1], kernel[:-2])
    whole = 9 * prod(outputs) * x[0] * sum(kernel[-2:])
    return _sizes(whole, limits, _MULTIPLES_OF_TILES)


def _rows(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Sizes of blocks of a product's rows."""
    x, kernel = operation.shapes
    outputs = operation.details.out_sizes(x[1:-1], kernel[:-2])
    return _sizes(x[1] * prod(outputs[1:]) * _ROW_BYTES, limits, _MULTIPLES_OF_ROWS)


def _sizes(whole: int, limits: Limits, multiples: tuple[int, ...] = _MULTIPLES) -> dict[str, Any]:
    """Sizes of blocks, each once; a whole that is smaller than a block needs no other."""
    sizes = [multiple * limits.cache_bytes for multiple in multiples]
    kept = [size for size in sizes if size < whole] + [max(sizes)] * (whole <= max(sizes))
    if len(kept) == 1:
        return {"": kept[0]}
    return {"-whole" if size >= whole else f"-{size // 2**10}k": size for size in kept}


def _of_patches(operation: Operation, block_bytes: int | None) -> Function:
    if block_bytes is None:
        return partial(patches.of_tiles, geometry=operation.details)
    return differentiable(
        partial(patches.convolve, block_bytes=block_bytes),
        partial(patches.kernel_gradient, block_bytes=block_bytes),
        operation.details,
        partial(patches.convolve, block_bytes=block_bytes, turned=True),
    )


def _of_tiles(operation: Operation, block_bytes: int) -> Function:
    convolve = partial(winograd.convolve, block_bytes=block_bytes)
    kernel_gradient = partial(winograd.kernel_gradient, block_bytes=block_bytes)
    of_gradient = partial(convolve, turned=True)
    geometry = operation.details
    if geometry.rank == 3:
        return differentiable(convolve, kernel_gradient, geometry, of_gradient)
    run = differentiable(convolve, kernel_gradient, _in_time(geometry), of_gradient)
    return lambda x, kernel: run(x[:, None], kernel[None])[:, 0]


def _of_shifts(operation: Operation, block_bytes: int | None) -> Function:
    if block_bytes is None:
        return partial(shifts.of_whole, geometry=operation.details)

    def convolve(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
        # A turned kernel's last axes stand the other way round.
        return shifts.convolve(x, kernel.reshape(*kernel.shape[:-2], 1, -1), geometry)

    return differentiable(
        convolve,
        partial(shifts.kernel_gradient, block_bytes=block_bytes),
        operation.details,
    )


def _of_rows(operation: Operation, block_bytes: int, *, way: ModuleType) -> Function:
    """By `split` or `apart`, whose blocks are so many rows of a product."""
    positions = max(block_bytes // _ROW_BYTES, 1)
    return differentiable(
        partial(way.convolve, positions=positions),
        partial(way.kernel_gradient, positions=positions),
        operation.details,
        partial(way.convolve, positions=positions, turned=True),
    )


def _of_folds(operation: Operation, block_bytes: int | None) -> Function:
    if block_bytes is None:
        return partial(folded.convolve, geometry=operation.details)
    return differentiable(
        folded.convolve,
        partial(patches.kernel_gradient, block_bytes=block_bytes),
        operation.details,
    )


def _of_planes(operation: Operation, _: None) -> Function:
    return partial(planes.convolve, geometry=operation.details)


def _of_library(operation: Operation, settings: tuple[str, int] | None) -> Function:
    """By oneDNN, the gradient of a dense kernel in the way and in blocks that are said."""
    if settings is None:
        return onednn.depthwise(operation.details)
    way, block_bytes = settings
    block_bytes //= operation.details.groups
    if way == "split":
        of_kernel = partial(split.kernel_gradient, positions=max(block_bytes // _ROW_BYTES, 1))
    else:
        of_kernel = partial(patches.kernel_gradient, block_bytes=block_bytes)
    return onednn.convolution(operation.details, of_kernel)


def _library_takes(operation: Operation) -> bool:
    return has_phases(operation.details) and prod(operation.shapes[1][:-2]) <= _MOST_TAPS


def _ways_of_kernel(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Ways to compute the gradient with respect to the kernel."""
    if _depthwise(operation):
        return {"": None}
    ways: dict[str, Any] = {
        word: ("patches", size) for word, size in _blocks(operation, limits).items()
    }
    if _splittable(operation):
        first = min(_rows(operation, limits).values())
        ways["-split"] = ("split", first)
    return ways


register(
    Implementation(
        "onednn",
        KIND,
        _library_takes,
        _of_library,
        _ways_of_kernel,
        variants_backward=True,
        library=onednn.LIBRARY,
        backends=(CPU,),
    )
)
register(Implementation("patches", KIND, _dense, _of_patches, _patches))
register(
    Implementation("split", KIND, _splittable, partial(_of_rows, way=split), _rows, backends=(CPU,))
)
register(
    Implementation("apart", KIND, _few_frames, partial(_of_rows, way=apart), _rows, backends=(CPU,))
)
register(
    Implementation("winograd", KIND, _has_tiles, _of_tiles, _tiles, digits_lost=1, backends=(CPU,))
)
register(Implementation("shifts", KIND, _depthwise, _of_shifts, _plane))
register(Implementation("folded", KIND, _foldable, _of_folds, _folds))
register(Implementation("planes", KIND, _grouped, _of_planes, alone, backends=(GPU,)))
