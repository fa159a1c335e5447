"""Cuts the outputs of a convolution into blocks whose patches stay in the cache.

Written out whole, the patches of a 3×3×3 kernel take 27 times the memory of the input, and a matrix
product waits for it. A block at a time they are made, used and overwritten where they are fast to
reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import lax

from reelbench.implementations.geometry import Geometry

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


@dataclass(frozen=True)
class Blocks:
    """A cut of the outputs along the leading spatial axes.

    Attributes:
        size: Outputs of a block along every spatial axis.
        counts: Blocks along every spatial axis.
        outputs: Outputs of the whole; the last block of an axis may reach beyond them.
        batch: Clips.
    """

    size: tuple[int, ...]
    counts: tuple[int, ...]
    outputs: tuple[int, ...]
    batch: int

    @property
    def number(self) -> int:
        """Blocks of all clips."""
        return self.batch * prod(self.counts)

    @property
    def whole(self) -> tuple[int, ...]:
        """Outputs along every spatial axis with what the last blocks add."""
        return tuple(size * count for size, count in zip(self.size, self.counts, strict=True))

    def place(self, index: Int[Array, ""]) -> tuple[Int[Array, ""], list[Int[Array, ""]]]:
        """Clip of a block, and its number along every spatial axis."""
        numbers = []
        for count in reversed(self.counts):
            numbers.append(index % count)
            index = index // count
        return index, numbers[::-1]


def cut(
    batch: int, outputs: Sequence[int], patch_bytes: int, block_bytes: int, fewest: int = 64
) -> Blocks:
    """Cut the outputs so that a block's patches take about so many bytes.

    Whole lines along the last axis stay together; then as many lines, and then planes, as fit. A
    matrix product of few rows is slow, so a block has at least ``fewest`` positions.

    Args:
        batch: Clips.
        outputs: Outputs along the spatial axes.
        patch_bytes: Bytes of the patches of one output.
        block_bytes: Bytes that the patches of a block should take.
        fewest: Positions of a block at least, where there are so many.
    """
    budget = max(block_bytes // max(patch_bytes, 1), fewest)
    size: list[int] = []
    room = budget
    for length in reversed(outputs):
        # The last axis is never cut: its neighbours share most of what they see.
        most = length if not size else max(min(length, room), 1)
        # Blocks of nearly equal size instead of a small rest.
        number = -(-length // most)
        size.append(-(-length // number))
        room //= max(size[-1], 1)
    size.reverse()
    counts = tuple(-(-length // each) for length, each in zip(outputs, size, strict=True))
    return Blocks(tuple(size), counts, tuple(outputs), batch)


def extended(
    x: Float[Array, "n *padded c"], kernel: Sequence[int], blocks: Blocks, geometry: Geometry
) -> Float[Array, "n *padded2 c"]:
    """The padded input with zeros for what the last blocks see beyond its end."""
    need = geometry.reach(blocks.whole, kernel)
    missing = [max(want - have, 0) for want, have in zip(need, x.shape[1:-1], strict=True)]
    if not any(missing):
        return x
    return jnp.pad(x, [(0, 0), *((0, more) for more in missing), (0, 0)])


def filled(y: Float[Array, "*lead *outputs c"], blocks: Blocks) -> Float[Array, "*lead *whole c"]:
    """Outputs, or their gradient, with zeros for what the last blocks add."""
    more = [(0, end - length) for end, length in zip(blocks.whole, blocks.outputs, strict=True)]
    lead = y.ndim - len(more) - 1
    return jnp.pad(y, [*[(0, 0)] * lead, *more, (0, 0)])


def window(
    x: Float[Array, "n *padded c"],
    index: Int[Array, ""],
    kernel: Sequence[int],
    blocks: Blocks,
    geometry: Geometry,
) -> Float[Array, "1 *window c"]:
    """What the outputs of one block see of the extended input."""
    clip, numbers = blocks.place(index)
    starts = [
        number * size * stride
        for number, size, stride in zip(numbers, blocks.size, geometry.strides, strict=True)
    ]
    sizes = geometry.reach(blocks.size, kernel)
    return lax.dynamic_slice(x, (clip, *starts, 0), (1, *sizes, x.shape[-1]))


def outputs_of(
    y: Float[Array, "n *whole c"], index: Int[Array, ""], blocks: Blocks
) -> Float[Array, "1 *size c"]:
    """The outputs of one block among those of all, extended to whole blocks."""
    clip, numbers = blocks.place(index)
    starts = [number * size for number, size in zip(numbers, blocks.size, strict=True)]
    return lax.dynamic_slice(y, (clip, *starts, 0), (1, *blocks.size, y.shape[-1]))


def assembled(
    parts: Float[Array, "number positions c"], blocks: Blocks
) -> Float[Array, "n *outputs c"]:
    """The outputs of all blocks, in their places."""
    features = parts.shape[-1]
    y = parts.reshape(blocks.batch, *blocks.counts, *blocks.size, features)
    rank = len(blocks.size)
    order = [0]
    for axis in range(rank):
        order += [1 + axis, 1 + rank + axis]
    y = y.transpose(*order, 2 * rank + 1).reshape(blocks.batch, *blocks.whole, features)
    return y[(slice(None), *map(slice, blocks.outputs))]
