"""3×3 and 5×5 convolution with fewer multiplications, a block at a time, forward and backward.

Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, arXiv:1509.09308: tiles of
4×4 outputs are computed from tiles of 6×6 inputs in 36 multiplications a channel instead of 144,
after sums with fixed factors of the tile and of the kernel. From the same tiles a kernel of 5×5
makes 2×2 outputs, in 36 instead of 100. A kernel's taps in time are left as they are and stand side
by side in the contraction. Transformed tiles take 2.25 or 9 times the memory of the input, so that
a block at a time is transformed, used and overwritten in the cache. The sums lose about two digits
of float32; products of narrower numbers are transformed in float32.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reelbench.implementations.blocks import Blocks, assembled, extended, filled, outputs_of, window
from reelbench.implementations.geometry import Geometry, padded

if TYPE_CHECKING:
    from jaxtyping import Array, Float

_IN = 6
# The points at which the polynomials of both factors are taken; the last one is infinity.
_POINTS = (0, 1, -1, 2, -2)
# Taps along height and width, and so 4 or 2 outputs a tile: further from these, sums lose too much.
_TAPS = (3, 5)

# What the input goes through, for any number of taps; rows are sums over what they transform.
_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    float,
)


def _outs(taps: int) -> int:
    return _IN + 1 - taps


@functools.cache
def _kernel_sums(taps: int) -> np.ndarray:
    """What a kernel goes through: its polynomial at the points, and its last coefficient."""
    scales = [prod(point - other for other in _POINTS if other != point) for point in _POINTS]
    rows = [
        [point**power / scale for power in range(taps)]
        for point, scale in zip(_POINTS, scales, strict=True)
    ]
    return np.array([*rows, [0] * (taps - 1) + [1]], float)


@functools.cache
def _output_sums(taps: int) -> np.ndarray:
    """What products go through: the powers of the points, and infinity in the last output."""
    outs = _outs(taps)
    rows = [[*(point**power for point in _POINTS), int(power == outs - 1)] for power in range(outs)]
    return np.array(rows, float)


def applies(kernel: Sequence[int], geometry: Geometry) -> bool:
    """Whether a 3-D convolution has 3 or 5 taps along height and width, and does not stride."""
    return (
        set(kernel[1:3]) <= set(_TAPS)
        and geometry.groups == 1
        and geometry.strides == (1, 1, 1)
        and geometry.dilation == (1, 1, 1)
    )


def cut(
    batch: int,
    outputs: Sequence[int],
    lengths: Sequence[int],
    features: int,
    block_bytes: int,
) -> Blocks:
    """Cut the outputs into blocks of whole tiles whose transforms take about so many bytes.

    Args:
        batch: Clips.
        outputs: Outputs along time, height and width.
        lengths: Of the kernel along the same.
        features: Channels of input and output together.
        block_bytes: Bytes that the transformed tiles of a block should take.
    """
    frames, height, width = outputs
    tall, across = (_outs(taps) for taps in lengths[1:])
    wide = -(-width // across)
    tile = _IN * _IN * features * 4
    tiles = max(block_bytes // (tile * wide), 1)
    high = -(-height // tall)
    rows = min(high, tiles)
    rows = -(-high // -(-high // rows))
    times = max(min(frames, tiles // high), 1) if rows == high else 1
    times = -(-frames // -(-frames // times))
    size = (times, rows * tall, wide * across)
    counts = (-(-frames // times), -(-high // rows), 1)
    return Blocks(size, counts, (frames, height, width), batch)


def convolve(
    x: Float[Array, "n t h w c"],
    kernel: Float[Array, "kt kh kw c o"],
    geometry: Geometry,
    block_bytes: int,
    *,
    turned: bool = False,
) -> Float[Array, "n t2 h2 w2 o"]:
    """Convolve by Winograd's minimal filtering in height and width.

    Args:
        x: Input, channels last.
        kernel: Kernel, its input and output channels last.
        geometry: Padding; see `applies`.
        block_bytes: Bytes that the transformed tiles of a block take, about.
        turned: Whether the kernel's taps stand in reverse and its input channels are last.
    """
    lengths = kernel.shape[:-2]
    blocks = _blocks(x, kernel, geometry, block_bytes)
    whole = extended(padded(x, geometry), lengths, blocks, geometry)
    transformed = _turned_columns(kernel) if turned else _turned_kernel(kernel)

    def one(index: jax.Array) -> jax.Array:
        seen = window(whole, index, lengths, blocks, geometry)[0]
        tiles = _stacked(_turned_input(seen, lengths, blocks), lengths[0], turned=turned)
        products = _batched(tiles, transformed, geometry, swapped=turned)
        return _turned_back(products, lengths, blocks).astype(x.dtype)

    return assembled(lax.map(one, jnp.arange(blocks.number)), blocks)


def kernel_gradient(
    x: Float[Array, "n t h w c"],
    gradient: Float[Array, "n t2 h2 w2 o"],
    lengths: tuple[int, ...],
    geometry: Geometry,
    block_bytes: int,
) -> Float[Array, "kt kh kw c o"]:
    """The gradient with respect to the kernel, summed up in the transformed space.

    Args:
        x: Input of the convolution.
        gradient: With respect to its output.
        lengths: Of the kernel along time, height and width.
        geometry: Of the convolution.
        block_bytes: Bytes that the transformed tiles of a block take, about.
    """
    features, out = x.shape[-1], gradient.shape[-1]
    blocks = cut(x.shape[0], gradient.shape[1:-1], lengths, features + out, block_bytes)
    whole = extended(padded(x, geometry), lengths, blocks, geometry)
    given = filled(gradient, blocks)

    def add(total: jax.Array, index: jax.Array) -> tuple[jax.Array, None]:
        seen = window(whole, index, lengths, blocks, geometry)[0]
        tiles = _stacked(_turned_input(seen, lengths, blocks), lengths[0])
        turned = _turned_gradient(outputs_of(given, index, blocks)[0], lengths, blocks)
        product = lax.dot_general(
            tiles, turned, (((1,), (1,)), ((0,), (0,))), precision=geometry.precision
        )
        return total + product, None

    start = jnp.zeros((_IN * _IN, lengths[0] * features, out), jnp.float32)
    total = lax.scan(add, start, jnp.arange(blocks.number))[0]
    total = total.reshape(_IN, _IN, lengths[0], features, out)
    # The transpose of what the kernel went through.
    down, across = (_kernel_sums(taps).astype(np.float32) for taps in lengths[1:])
    made = jnp.einsum("iu,jv,ijtco->tuvco", down, across, total)
    return made.astype(x.dtype)


def _blocks(x: jax.Array, kernel: jax.Array, geometry: Geometry, block_bytes: int) -> Blocks:
    lengths = kernel.shape[:-2]
    outputs = geometry.out_sizes(x.shape[1:-1], lengths)
    return cut(x.shape[0], outputs, lengths, sum(kernel.shape[-2:]), block_bytes)


def _sums(factors: np.ndarray, parts: Sequence[jax.Array]) -> list[jax.Array]:
    """The sums of a transform along one axis, zeros left out."""
    made = []
    for row in factors:
        total: jax.Array | None = None
        for factor, part in zip(row, parts, strict=True):
            if factor == 0:
                continue
            term = part if factor == 1 else -part if factor == -1 else np.float32(factor) * part
            total = term if total is None else total + term
        assert total is not None
        made.append(total)
    return made


def _turned_kernel(kernel: Float[Array, "kt kh kw c o"]) -> Float[Array, "36 kt*c o"]:
    return _through_points(kernel).reshape(_IN * _IN, -1, kernel.shape[-1])


def _turned_columns(kernel: Float[Array, "kt kh kw o c"]) -> Float[Array, "36 o kt*c"]:
    """Of a kernel that is turned round, for a product that takes its right side swapped.

    The taps in time stay in order; `_stacked` reverses what they meet.
    """
    made = _through_points(kernel, turned=True).swapaxes(1, 2)
    return made.reshape(_IN * _IN, kernel.shape[-2], -1)


def _through_points(
    kernel: Float[Array, "kt kh kw c o"], *, turned: bool = False
) -> Float[Array, "36 kt c o"]:
    """The transformed taps, by a product: a kernel may be larger than what it is laid over.

    Of a kernel that is turned round its own taps are read from the end.
    """
    down, across = (_kernel_sums(taps)[:, :: -1 if turned else 1] for taps in kernel.shape[1:3])
    sums = np.kron(down, across).astype(np.float32)
    taps = kernel.astype(jnp.float32).reshape(kernel.shape[0], sums.shape[1], -1)
    made = lax.dot_general(sums, taps, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)
    return made.reshape(_IN * _IN, kernel.shape[0], *kernel.shape[3:])


def _turned_input(
    seen: Float[Array, "times rows columns c"], lengths: Sequence[int], blocks: Blocks
) -> Float[Array, "36 times tiles c"]:
    """The transformed tiles of a block; tiles overlap by all taps but one."""
    tall, across = (_outs(taps) for taps in lengths[1:])
    high, wide = blocks.size[1] // tall, blocks.size[2] // across
    seen = seen.astype(jnp.float32)
    rows = _sums(
        _INPUT, [seen[:, place : place + tall * (high - 1) + 1 : tall] for place in range(_IN)]
    )
    both = [
        _sums(
            _INPUT,
            [row[:, :, place : place + across * (wide - 1) + 1 : across] for place in range(_IN)],
        )
        for row in rows
    ]
    stacked = jnp.stack([each for row in both for each in row])
    return stacked.reshape(_IN * _IN, seen.shape[0], high * wide, seen.shape[-1])


def _stacked(
    tiles: Float[Array, "36 times tiles c"], taps: int, *, turned: bool = False
) -> Float[Array, "36 positions kt*c"]:
    """What every output's taps in time see, side by side; the last tap's first if turned."""
    times = tiles.shape[1] - taps + 1
    order = range(taps)[::-1] if turned else range(taps)
    parts = [tiles[:, tap : tap + times] for tap in order]
    joined = jnp.concatenate(parts, axis=-1) if taps > 1 else parts[0]
    return joined.reshape(_IN * _IN, -1, joined.shape[-1])


def _batched(
    tiles: Float[Array, "36 positions k"],
    columns: Float[Array, "36 k o"] | Float[Array, "36 o k"],
    geometry: Geometry,
    *,
    swapped: bool = False,
) -> Float[Array, "36 positions o"]:
    return lax.dot_general(
        tiles,
        columns,
        (((2,), (2 if swapped else 1,)), ((0,), (0,))),
        precision=geometry.precision,
    )


def _turned_back(
    products: Float[Array, "36 positions o"], lengths: Sequence[int], blocks: Blocks
) -> Float[Array, "outputs o"]:
    times, height, width = blocks.size
    tall, across = (_outs(taps) for taps in lengths[1:])
    high, wide, out = height // tall, width // across, products.shape[-1]
    tiles = products.reshape(_IN, _IN, times, high, wide, out)
    rows = _sums(_output_sums(lengths[1]), [tiles[place] for place in range(_IN)])
    both = [_sums(_output_sums(lengths[2]), [row[place] for place in range(_IN)]) for row in rows]
    # times, high, rows of a tile, wide, columns of a tile, out
    stacked = jnp.stack([jnp.stack(row, axis=3) for row in both], axis=2)
    return stacked.reshape(times * height * width, out)


def _turned_gradient(
    gradient: Float[Array, "times height width o"], lengths: Sequence[int], blocks: Blocks
) -> Float[Array, "36 positions o"]:
    """The transpose of `_turned_back`."""
    times, height, width = blocks.size
    tall, across = (_outs(taps) for taps in lengths[1:])
    high, wide, out = height // tall, width // across, gradient.shape[-1]
    tiles = gradient.astype(jnp.float32).reshape(times, high, tall, wide, across, out)
    rows = _sums(_output_sums(lengths[1]).T, [tiles[:, :, place] for place in range(tall)])
    both = [
        _sums(_output_sums(lengths[2]).T, [row[:, :, :, place] for place in range(across)])
        for row in rows
    ]
    stacked = jnp.stack([each for row in both for each in row])
    return stacked.reshape(_IN * _IN, times * high * wide, out)
