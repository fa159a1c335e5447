"""A convolution cut along all axes but the first, which is time of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.blocks import Blocks, cut, extended
from reelbench.implementations.geometry import Geometry, over_frames, padded, patches

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def applies(kernel: Sequence[int], geometry: Geometry) -> bool:
    """Whether there is a first axis with taps to take apart, and another one beside it."""
    return geometry.rank > 1 and kernel[0] > 1 and geometry.strides[0] == 1 == geometry.groups


@dataclass(frozen=True)
class Frames:
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


def frames_of(
    shape: Sequence[int], lengths: Sequence[int], geometry: Geometry, positions: int
) -> Frames:
    """Cut a convolution of a batch of this shape into blocks of about so many positions."""
    sizes = tuple(shape[1:-1])
    outputs = geometry.out_sizes(sizes, lengths)
    low, apart = geometry.padding[0][0], geometry.dilation[0]
    return Frames(
        # A position of the other axes counts once a frame.
        blocks=cut(shape[0], outputs[1:], sizes[0], positions, fewest=1),
        inner=over_frames(geometry)[1],
        lengths=tuple(lengths[1:]),
        frames=(sizes[0], outputs[0]),
        shifts=tuple(low - tap * apart for tap in range(lengths[0])),
    )


def shifted(
    frames: Float[Array, "t *size o"], shift: int, length: int
) -> Float[Array, "length *size o"]:
    """So many frames, the first of them ``shift`` places later; none where there was none."""
    edges = (shift, length - frames.shape[0] - shift, 0)
    zero = jnp.zeros((), frames.dtype)
    return lax.pad(frames, zero, [edges, *[(0, 0, 0)] * (frames.ndim - 1)])
