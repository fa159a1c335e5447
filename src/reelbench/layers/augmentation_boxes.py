"""Augmentation of a random part of the frame: cut out and resized, or erased."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

    Clips = Float[Array, "batch t h w c"]


class ResizedCrop(nnx.Module):
    """A random part of the frame, of random shape, resized bilinearly to a square.

    PySlowFast ``slowfast/datasets/transform.py``, ``random_resized_crop``: pixels have their
    centres at halves, and nothing is smoothed where the part shrinks.

    Args:
        size: Height and width of the output.
        scale: Least and largest share of the frame's area.
        ratio: Least and largest width over height.
        dtype: Dtype of the output; it is computed in float32 at least.
        param_dtype: Without effect.
        rngs: Without effect.
    """

    def __init__(
        self,
        size: int,
        *,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (0.75, 1.3333),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.size = size
        self.scale = tuple(scale)
        self.ratio = tuple(ratio)
        self.dtype = dtype

    def __call__(
        self, frames: Clips, draws: Float[Array, "batch tries 4"]
    ) -> Float[Array, "batch t size size c"]:
        """Crop each clip.

        Args:
            frames: Pixels.
            draws: In [0, 1), for each try: the area, uniform within ``scale``; width over height,
                uniform within the logarithms of ``ratio``; the place of the top edge and of the
                left edge among those possible. Sides are rounded to pixels. The first try that
                fits in the frame counts; if none does, the middle of the frame that comes nearest
                to the allowed shapes.
        """
        return jax.vmap(self._one)(frames, draws)

    def _one(self, clip: Array, draws: Array) -> Array:
        _, height, width, _ = clip.shape
        h, w = _sides(draws, height * width, self.scale, self.ratio)
        fits = (h > 0) & (h <= height) & (w > 0) & (w <= width)
        top, left = place(draws[:, 2], height - h), place(draws[:, 3], width - w)
        drawn = jnp.stack([top, left, h, w])[:, jnp.argmax(fits)]
        middle = jnp.asarray(self._middle(height, width), drawn.dtype)
        top, left, h, w = jnp.where(jnp.any(fits), drawn, middle)
        pixels = clip.astype(wide(clip))
        rows = _resized(pixels, 1, top, h, self.size)
        return _resized(rows, 2, left, w, self.size).astype(self.dtype or clip.dtype)

    def _middle(self, height: int, width: int) -> tuple[int, int, int, int]:
        least, largest = self.ratio
        h, w = height, width
        if width / height < least:
            h = round(width / least)
        elif width / height > largest:
            w = round(height * largest)
        return (height - h) // 2, (width - w) // 2, h, w


class RandomErasing(nnx.Module):
    """A random part of the frame, of random shape, replaced by noise.

    Zhong et al., "Random Erasing Data Augmentation", 2017, arXiv:1708.04896; PySlowFast
    ``slowfast/datasets/random_erasing.py`` with mode ``pixel``: the part is that of all frames, the
    noise is not.

    Args:
        probability: Chance that a clip has a part erased.
        area: Least and largest share of the frame's area.
        ratio: Least and largest height over width.
        dtype: Dtype of the output.
        param_dtype: Without effect.
        rngs: Without effect.
    """

    def __init__(
        self,
        *,
        probability: float = 0.25,
        area: tuple[float, float] = (0.02, 1 / 3),
        ratio: tuple[float, float] = (0.3, 1 / 0.3),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del param_dtype, rngs
        self.probability = probability
        self.area = tuple(area)
        self.ratio = tuple(ratio)
        self.dtype = dtype

    def __call__(
        self,
        frames: Clips,
        noise: Clips,
        erased: Float[Array, " batch"],
        draws: Float[Array, "batch tries 4"],
    ) -> Clips:
        """Erase a part of each clip.

        Args:
            frames: Normalised pixels.
            noise: What a pixel becomes where it is erased.
            erased: In [0, 1): whether anything is.
            draws: In [0, 1), for each try: the area, uniform within ``area``; height over width,
                uniform within the logarithms of ``ratio``; the place of the top edge and of the
                left edge among those possible. Sides are rounded to pixels. The first try smaller
                than the frame both ways counts; if none is, nothing is erased.
        """
        return jax.vmap(self._one)(frames, noise, erased, draws)

    def _one(self, clip: Array, noise: Array, erased: Array, draws: Array) -> Array:
        _, height, width, _ = clip.shape
        w, h = _sides(draws, height * width, self.area, self.ratio)
        fits = (h < height) & (w < width)
        top, left = place(draws[:, 2], height - h), place(draws[:, 3], width - w)
        box = jnp.stack([top, left, h, w])[:, jnp.argmax(fits)]
        inside = within(height, width, *box) & (erased < self.probability) & jnp.any(fits)
        dtype = self.dtype or clip.dtype
        return jnp.where(inside[..., None], noise.astype(dtype), clip.astype(dtype))


def wide(x: Array) -> Dtype:
    """The dtype that pixels are computed in."""
    return jnp.promote_types(x.dtype, jnp.float32)


def place(u: Array, last: Array | int) -> Array:
    """One of the integers from 0 to ``last``, evenly by a number in [0, 1)."""
    # The product can round up to the length itself.
    return jnp.minimum(jnp.floor(u * (last + 1)).astype(jnp.int32), last)


def within(height: int, width: int, top: Array, left: Array, h: Array, w: Array) -> Array:
    """Which pixels of a frame lie in a box."""
    y, x = jnp.arange(height)[:, None] - top, jnp.arange(width) - left
    return (y >= 0) & (y < h) & (x >= 0) & (x < w)


def _sides(
    draws: Array, area: int, scale: Sequence[float], ratio: Sequence[float]
) -> tuple[Array, Array]:
    """Sides of the box of each try, in pixels; the ratio is the second over the first."""
    least, largest = scale
    drawn = (least + (largest - least) * draws[:, 0]) * area
    low, high = (math.log(end) for end in ratio)
    shape = jnp.exp(low + (high - low) * draws[:, 1])
    sides = jnp.sqrt(drawn / shape), jnp.sqrt(drawn * shape)
    first, second = (jnp.round(side).astype(jnp.int32) for side in sides)
    return first, second


def _resized(clip: Array, axis: int, start: Array, length: Array, size: int) -> Array:
    """Part of an axis, resized with linear interpolation between the centres of pixels."""
    at = (jnp.arange(size, dtype=clip.dtype) + 0.5) * (length.astype(clip.dtype) / size) - 0.5
    at = jnp.maximum(at, 0)
    before = jnp.floor(at).astype(jnp.int32)
    after = jnp.minimum(before + 1, length - 1)
    shape = [1] * clip.ndim
    shape[axis] = size
    weight = (at - before).reshape(shape)
    left = jnp.take(clip, start + before, axis=axis, mode="clip")
    right = jnp.take(clip, start + after, axis=axis, mode="clip")
    return left * (1 - weight) + right * weight
