"""The fifteen operations of RandAugment, done alike to all frames of a clip.

PySlowFast ``slowfast/datasets/rand_augment.py``, the operations whose effect grows with the
magnitude, after Cubuk et al., "RandAugment", 2019, arXiv:1909.13719. There they are functions of
the Pillow library on 8-bit frames; here a pixel is a number in [0, 1], and v/255 is the level v.
What counts levels (equalize, posterize, the thresholds of solarize) takes the nearest one. Other
results are not rounded to levels, nor is the mean of a frame's greys in `contrast`.

Every operation is called with a clip in float32 at least, a magnitude from 0 to 10 and a sign, and
uses what it needs. Statistics (extremes, histograms, means) are those of each frame by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import jax.numpy as jnp

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

    Clip = Float[Array, "t h w c"]
    Scalar = Float[Array, ""]
    Plane = Float[Array, "h w"]

Operation = Callable[..., "Clip"]

MAX_MAGNITUDE = 10.0
WHITE = 255
# Pixels that come from beyond the border.
FILL = 128 / WHITE
# Shares of red, green and blue in grey (ITU-R 601-2).
GREY = (0.299, 0.587, 0.114)


def auto_contrast(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Stretch each channel of a frame to reach from 0 to 1."""
    del magnitude, sign
    low = jnp.min(clip, (1, 2), keepdims=True)
    high = jnp.max(clip, (1, 2), keepdims=True)
    flat = high <= low
    return jnp.where(flat, clip, (clip - low) / jnp.where(flat, 1, high - low))


def equalize(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Map the levels of each channel of a frame so that all are about equally frequent."""
    del magnitude, sign
    frames, height, width, channels = clip.shape
    levels = _levels(clip)
    frame = jnp.arange(frames)[:, None, None, None]
    channel = jnp.arange(channels)
    counts = jnp.zeros((frames, channels, WHITE + 1), jnp.int32).at[frame, channel, levels].add(1)
    brightest = jnp.max(levels, (1, 2))[..., None]
    last = jnp.take_along_axis(counts, brightest, axis=-1)
    step = (height * width - last) // WHITE
    darker = jnp.cumsum(counts, axis=-1) - counts
    table = jnp.minimum((step // 2 + darker) // jnp.maximum(step, 1), WHITE)
    table = table.astype(clip.dtype) / WHITE
    return jnp.where(step[:, None, None, :, 0] > 0, table[frame, channel, levels], clip)


def invert(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Turn light into dark."""
    del magnitude, sign
    return 1 - clip


def rotate(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Turn about the centre, by up to 30° either way."""
    angle = jnp.radians(30.0) * sign * _share(magnitude)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    _, height, width, _ = clip.shape
    x, y = _centres(clip, angle)
    x, y = x - width / 2, y - height / 2
    return _bicubic(clip, cos * x - sin * y + width / 2, sin * x + cos * y + height / 2)


def posterize(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Keep the 4 highest bits of a level, or fewer down to none."""
    del sign
    dropped = 4 + jnp.floor(4 * _share(magnitude)).astype(jnp.int32)
    return ((_levels(clip) >> dropped) << dropped).astype(clip.dtype) / WHITE


def solarize(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Invert what is light, from a level of 256 (nothing) down to 0 (everything)."""
    del sign
    threshold = 256 - jnp.floor(256 * _share(magnitude)).astype(jnp.int32)
    return jnp.where(_levels(clip) < threshold, clip, 1 - clip)


def solarize_add(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Lighten what is darker than level 128, by up to 110 levels."""
    del sign
    added = jnp.floor(110 * _share(magnitude)) / WHITE
    return jnp.where(_levels(clip) < 128, jnp.minimum(clip + added, 1), clip)


def color(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Move away from grey frames, or towards them."""
    return _blend(_grey(clip), clip, magnitude, sign)


def contrast(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Move away from the mean grey of a frame, or towards it."""
    return _blend(jnp.mean(_grey(clip), (1, 2), keepdims=True), clip, magnitude, sign)


def brightness(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Move away from black, or towards it."""
    return _blend(jnp.zeros_like(clip), clip, magnitude, sign)


def sharpness(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Move away from smoothed frames, or towards them; the outermost pixels stay as they are."""
    _, height, width, _ = clip.shape
    smooth = 4 * clip[:, 1:-1, 1:-1]
    for y in range(3):
        for x in range(3):
            smooth += clip[:, y : height - 2 + y, x : width - 2 + x]
    return _blend(clip.at[:, 1:-1, 1:-1].set(smooth / 13), clip, magnitude, sign)


def shear_x(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Move each row left or right, by up to 0.3 of its distance from the top."""
    x, y = _centres(clip, magnitude)
    return _bicubic(clip, x + 0.3 * sign * _share(magnitude) * y, y)


def shear_y(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Move each column up or down, by up to 0.3 of its distance from the left."""
    x, y = _centres(clip, magnitude)
    return _bicubic(clip, x, y + 0.3 * sign * _share(magnitude) * x)


def translate_x(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Move left or right by up to 0.45 of the width."""
    x, y = _centres(clip, magnitude)
    return _bicubic(clip, x + 0.45 * sign * _share(magnitude) * clip.shape[2], y)


def translate_y(clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Move up or down by up to 0.45 of the height."""
    x, y = _centres(clip, magnitude)
    return _bicubic(clip, x, y + 0.45 * sign * _share(magnitude) * clip.shape[1])


OPERATIONS: Mapping[str, Operation] = {
    "AutoContrast": auto_contrast,
    "Equalize": equalize,
    "Invert": invert,
    "Rotate": rotate,
    "PosterizeIncreasing": posterize,
    "SolarizeIncreasing": solarize,
    "SolarizeAdd": solarize_add,
    "ColorIncreasing": color,
    "ContrastIncreasing": contrast,
    "BrightnessIncreasing": brightness,
    "SharpnessIncreasing": sharpness,
    "ShearX": shear_x,
    "ShearY": shear_y,
    "TranslateXRel": translate_x,
    "TranslateYRel": translate_y,
}


def _share(magnitude: Scalar) -> Scalar:
    return magnitude / MAX_MAGNITUDE


def _levels(clip: Clip) -> Int[Array, "t h w c"]:
    return jnp.clip(jnp.round(clip * WHITE), 0, WHITE).astype(jnp.int32)


def _grey(clip: Clip) -> Float[Array, "t h w 1"]:
    return jnp.sum(clip * jnp.asarray(GREY, clip.dtype), axis=-1, keepdims=True)


def _blend(plain: Clip, clip: Clip, magnitude: Scalar, sign: Scalar) -> Clip:
    """Up to 0.9 of the way from the clip to the plain one, or as far the other way."""
    factor = (1 + 0.9 * sign * _share(magnitude)).astype(clip.dtype)
    return jnp.clip(clip * factor + plain * (1 - factor), 0, 1)


def _centres(clip: Clip, like: Scalar) -> tuple[Plane, Plane]:
    """Where the centres of the pixels are, counted from the outer corner of the first."""
    _, height, width, _ = clip.shape
    x = jnp.arange(width, dtype=like.dtype) + 0.5
    y = jnp.arange(height, dtype=like.dtype) + 0.5
    return jnp.broadcast_to(x, (height, width)), jnp.broadcast_to(y[:, None], (height, width))


def _bicubic(clip: Clip, x: Plane, y: Plane) -> Clip:
    """Sample all frames at the places ``x``, ``y``; grey where they lie beyond the border."""
    _, height, width, _ = clip.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    rows, columns = _taps(y, height), _taps(x, width)
    sampled = jnp.zeros_like(clip)
    for row, weight_y in rows:
        for column, weight_x in columns:
            weight = (weight_y * weight_x).astype(clip.dtype)
            sampled += weight[..., None] * clip[:, row, column]
    return jnp.where(inside[..., None], jnp.clip(sampled, 0, 1), FILL)


def _taps(at: Plane, length: int) -> list[tuple[Int[Array, "h w"], Plane]]:
    """The four nearest pixels along one axis, border pixels repeated, and their weights.

    Keys's cubic with slope -1, which Pillow has for geometric transforms.
    """
    first = jnp.floor(at - 0.5)
    d = at - 0.5 - first
    weights = (
        -d + 2 * d**2 - d**3,
        1 - 2 * d**2 + d**3,
        d + d**2 - d**3,
        d**3 - d**2,
    )
    index = first.astype(jnp.int32)
    return [(jnp.clip(index + i - 1, 0, length - 1), w) for i, w in enumerate(weights)]
