"""Augmentation against loops over clips, frames, channels and pixels."""

import functools
import math
from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import TOLERANCE, normal
from reelbench.layers.augmentation import (
    Augmentation,
    Mixing,
    RandAugment,
    RandomErasing,
    ResizedCrop,
)
from reelbench.layers.augmentation_ops import OPERATIONS

NAMES = list(OPERATIONS)
UNCHANGED_AT_ZERO = [
    "Rotate", "SolarizeIncreasing", "SolarizeAdd", "ColorIncreasing", "ContrastIncreasing",
    "BrightnessIncreasing", "SharpnessIncreasing", "ShearX", "ShearY", "TranslateXRel",
    "TranslateYRel",
]  # fmt: skip


def unit(seed: int, *shape: int) -> np.ndarray:
    """Float32 values in [0, 1), as float64."""
    return np.random.default_rng(seed).random(shape, np.float32).astype(np.float64)


def picture(seed: int, *shape: int) -> np.ndarray:
    """Pixels of 8 bits."""
    return np.random.default_rng(seed).integers(20, 250, shape) / 255


def called(module, *inputs, dtype=jnp.float64):
    """The module's outputs; pixels and draws are float64 or float32, whatever its dtype."""
    given = jnp.float64 if dtype == jnp.float64 else jnp.float32
    graph, state = nnx.split(module)
    with jax.enable_x64(dtype == jnp.float64):
        arrays = [jnp.asarray(x, given if x.dtype.kind == "f" else jnp.int32) for x in inputs]
        outputs = jax.jit(lambda s, *a: nnx.merge(graph, s)(*a))(state, *arrays)
        assert {x.dtype for x in jax.tree.leaves(outputs)} == {jnp.dtype(dtype)}
        return jax.tree.map(lambda x: np.asarray(x, np.float64), outputs)


def assert_agrees(make, expected, *inputs):
    """As the module of the same name, without gradients: there are none to take."""
    for dtype in (jnp.float64, jnp.float32, jnp.bfloat16):
        outputs = jax.tree.leaves(called(make(dtype=dtype), *inputs, dtype=dtype))
        for got, wanted in zip(outputs, expected, strict=True):
            assert got.shape == wanted.shape
            assert np.linalg.norm(got - wanted) < TOLERANCE[dtype] * np.linalg.norm(wanted), dtype


# RandAugment's operations on one frame (height, width, 3).


def sampled(frame, where):
    """Keys's cubic with a = -1 at ``where(x, y)``; positions count from the corner of a pixel."""
    height, width, _ = frame.shape

    def cubic(s):
        s = abs(s)
        if s <= 1:
            return s**3 - 2 * s**2 + 1
        return -(s**3) + 5 * s**2 - 8 * s + 4 if s < 2 else 0.0

    out = np.full_like(frame, 128 / 255)
    for i in range(height):
        for j in range(width):
            x, y = where(j + 0.5, i + 0.5)
            if not (0 <= x < width and 0 <= y < height):
                continue
            value = np.zeros(3)
            for row in range(math.floor(y) - 3, math.floor(y) + 4):
                for column in range(math.floor(x) - 3, math.floor(x) + 4):
                    weight = cubic(row + 0.5 - y) * cubic(column + 0.5 - x)
                    inner = frame[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
                    value += weight * inner
            out[i, j] = value.clip(0, 1)
    return out


def mapped(frame, table):
    """A function of the level, channel by channel, for whole frames of levels."""
    out = np.empty_like(frame)
    for at in np.ndindex(frame.shape):
        out[at] = table(round(frame[at] * 255), at[-1]) / 255
    return out


def equalized(frame):
    tables = []
    for channel in range(3):
        counts = [0] * 256
        for value in frame[..., channel].ravel():
            counts[round(value * 255)] += 1
        step = (sum(counts) - [n for n in counts if n][-1]) // 255
        table, total = [], step // 2
        for level in range(256):
            table.append(min(total // step, 255) if step else level)
            total += counts[level]
        tables.append(table)
    return mapped(frame, lambda level, channel: tables[channel][level])


def stretched(frame):
    out = frame.copy()
    for channel in range(3):
        low, high = frame[..., channel].min(), frame[..., channel].max()
        if high > low:
            out[..., channel] = (frame[..., channel] - low) / (high - low)
    return out


def greyed(frame):
    grey = 0.299 * frame[..., 0] + 0.587 * frame[..., 1] + 0.114 * frame[..., 2]
    return np.stack([grey] * 3, -1)


def smoothed(frame):
    out = frame.copy()
    for i in range(1, frame.shape[0] - 1):
        for j in range(1, frame.shape[1] - 1):
            out[i, j] = (frame[i - 1 : i + 2, j - 1 : j + 2].sum((0, 1)) + 4 * frame[i, j]) / 13
    return out


def operated(name, frame, magnitude, sign):
    """An operation, as defined for 8 bits, without rounding of what it computes."""
    share = magnitude / 10
    height, width, _ = frame.shape
    factor = 1 + sign * 0.9 * share

    def blend(plain):
        return (plain + factor * (frame - plain)).clip(0, 1)

    def turned(x, y):
        # Image rows grow downwards: turning the picture one way moves the place the other way.
        at = complex(x - width / 2, y - height / 2)
        at *= np.exp(1j * math.radians(30 * share * sign))
        return at.real + width / 2, at.imag + height / 2

    shear, shift = 0.3 * share * sign, 0.45 * share * sign
    kept = 4 - int(share * 4)
    threshold, added = 256 - int(share * 256), int(share * 110)
    return {
        "AutoContrast": lambda: stretched(frame),
        "Equalize": lambda: equalized(frame),
        "Invert": lambda: mapped(frame, lambda v, _: 255 - v),
        "Rotate": lambda: sampled(frame, turned),
        "PosterizeIncreasing": lambda: mapped(frame, lambda v, _: v & ~(2 ** (8 - kept) - 1)),
        "SolarizeIncreasing": lambda: mapped(frame, lambda v, _: v if v < threshold else 255 - v),
        "SolarizeAdd": lambda: mapped(frame, lambda v, _: min(255, v + added) if v < 128 else v),
        "ColorIncreasing": lambda: blend(greyed(frame)),
        "ContrastIncreasing": lambda: blend(np.full_like(frame, greyed(frame).mean())),
        "BrightnessIncreasing": lambda: blend(np.zeros_like(frame)),
        "SharpnessIncreasing": lambda: blend(smoothed(frame)),
        "ShearX": lambda: sampled(frame, lambda x, y: (x + shear * y, y)),
        "ShearY": lambda: sampled(frame, lambda x, y: (x, y + shear * x)),
        "TranslateXRel": lambda: sampled(frame, lambda x, y: (x + shift * width, y)),
        "TranslateYRel": lambda: sampled(frame, lambda x, y: (x, y + shift * height)),
    }[name]()


def rand_augmented(frames, index, draws, names=NAMES, probability=0.5, mean=7.0, std=0.5):
    out = frames.copy()
    for clip, which, drawn in zip(out, index, draws, strict=True):
        for each, (applied, quantile, negative) in zip(which, drawn, strict=True):
            if applied >= probability:
                continue
            magnitude = min(10.0, max(0.0, mean + std * NormalDist().inv_cdf(quantile)))
            for frame in clip:
                frame[:] = operated(names[each], frame, magnitude, -1 if negative >= 0.5 else 1)
    return out


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_agrees_with_its_definition(name):
    # Two pixels a level, so that equalizing rounds; and a channel without contrast.
    clip = picture(0, 2, 17, 37, 3)
    clip[1, ..., 2] = 0.4 * 255 // 1 / 255
    with jax.enable_x64(True):
        operation = jax.jit(OPERATIONS[name])
        for magnitude, sign in ((3.3, 1.0), (7.1, -1.0), (10.0, 1.0)):
            got = operation(jnp.asarray(clip), jnp.float64(magnitude), jnp.float64(sign))
            expected = np.stack([operated(name, frame, magnitude, sign) for frame in clip])
            np.testing.assert_allclose(got, expected, atol=1e-12)


def test_operations_without_magnitude_change_nothing():
    clip = jnp.asarray(picture(0, 2, 7, 9, 3), jnp.float32)
    zero = jnp.float32(0)
    for name in UNCHANGED_AT_ZERO:
        np.testing.assert_array_equal(OPERATIONS[name](clip, zero, jnp.float32(-1)), clip)


def test_a_quarter_turn_moves_pixels_without_sampling():
    clip = picture(0, 1, 8, 8, 3)
    with jax.enable_x64(True):
        turned = OPERATIONS["Rotate"](jnp.asarray(clip), jnp.float64(30), jnp.float64(1))
    np.testing.assert_allclose(turned, np.rot90(clip, axes=(1, 2)), atol=1e-12)


def test_full_contrast_stays_and_evenly_frequent_levels_nearly_stay():
    ramp = np.stack([np.arange(512).reshape(1, 16, 32) // 2 / 255] * 3, -1)
    clip, any_ = jnp.asarray(ramp, jnp.float32), jnp.float32(7)
    np.testing.assert_array_equal(OPERATIONS["AutoContrast"](clip, any_, any_), clip)
    equal = OPERATIONS["Equalize"](clip, any_, any_)
    np.testing.assert_allclose(equal, clip, atol=1.01 / 255)


def test_rand_augment_agrees_with_operations_one_by_one():
    frames = picture(1, 3, 2, 8, 11, 3)
    index = np.array([[3, 9], [7, 0], [13, 8]])
    draws = unit(2, 3, 2, 3)
    draws[..., 0] = [[0.1, 0.2], [0.3, 0.5], [0.7, 0.499]]
    expected = rand_augmented(frames, index, draws)
    assert_agrees(RandAugment, [expected], frames, index, draws)


def test_magnitudes_stay_in_their_range_and_chance_zero_changes_nothing():
    frames, index = picture(1, 1, 1, 6, 6, 3), np.array([[0]])
    draws = np.array([[[0.2, 0.0, 0.2]]])
    only = {"operations": ("TranslateXRel",), "probability": 1.0, "dtype": jnp.float64}
    for quantile, mean, shift in ((0.0, 7.0, 0), (0.5, 7.0, 0.7), (0.999, 10.0, 1.0)):
        draws[..., 1] = quantile
        got = called(RandAugment(**only, magnitude=mean), frames, index, draws)
        frame = sampled(frames[0, 0], lambda x, y, by=shift: (x + 0.45 * by * 6, y))
        np.testing.assert_allclose(got[0, 0], frame, atol=1e-12)
    never = RandAugment(**only | {"probability": 0.0})
    np.testing.assert_array_equal(called(never, frames, index, draws), frames)


# Boxes.


def crop_box(height, width, draws, scale, ratio):
    for area, shape, down, right in draws:
        target = (scale[0] + (scale[1] - scale[0]) * area) * height * width
        aspect = ratio[0] * (ratio[1] / ratio[0]) ** shape
        w, h = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            return int(down * (height - h + 1)), int(right * (width - w + 1)), h, w
    h, w = height, width
    if width / height < ratio[0]:
        h = round(width / ratio[0])
    if width / height > ratio[1]:
        w = round(height * ratio[1])
    return (height - h) // 2, (width - w) // 2, h, w


def resized(part, size):
    """Linear interpolation at the centre of every pixel of the output; edges repeated."""
    height, width, _ = part.shape
    out = np.empty((size, size, 3))
    for i, j in np.ndindex(size, size):
        value = np.zeros(3)
        y = min(max((i + 0.5) * height / size - 0.5, 0), height - 1)
        x = min(max((j + 0.5) * width / size - 0.5, 0), width - 1)
        for row, column in np.ndindex(height, width):
            value += max(0, 1 - abs(row - y)) * max(0, 1 - abs(column - x)) * part[row, column]
        out[i, j] = value
    return out


def cropped(frames, draws, size, scale=(0.08, 1.0), ratio=(0.75, 1.3333)):
    out = np.empty((*frames.shape[:2], size, size, 3))
    for clip, drawn, into in zip(frames, draws, out, strict=True):
        top, left, h, w = crop_box(*clip.shape[1:3], drawn, scale, ratio)
        for t, frame in enumerate(clip):
            into[t] = resized(frame[top : top + h, left : left + w], size)
    return out


def erased_box(height, width, draws, area=(0.02, 1 / 3), ratio=(0.3, 1 / 0.3)):
    for share, shape, down, right in draws:
        target = (area[0] + (area[1] - area[0]) * share) * height * width
        aspect = ratio[0] * (ratio[1] / ratio[0]) ** shape
        h, w = round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))
        if w < width and h < height:
            return int(down * (height - h + 1)), int(right * (width - w + 1)), h, w
    return 0, 0, 0, 0


def erased_frames(frames, noise, chances, draws, probability=0.25, **options):
    out = frames.copy()
    for n, chance in enumerate(chances):
        top, left, h, w = erased_box(*frames.shape[2:4], draws[n], **options)
        if chance < probability:
            box = (n, slice(None), slice(top, top + h), slice(left, left + w))
            out[box] = noise[box]
    return out


@pytest.mark.parametrize("shape", [(9, 12), (13, 7)])
def test_crop_agrees_with_a_loop_over_pixels(shape):
    frames, draws = picture(3, 4, 2, *shape, 3), unit(4, 4, 10, 4)
    draws[:, 0, 0] = [0.999, 0.0, 0.5, 0.2]
    make = functools.partial(ResizedCrop, 6)
    assert_agrees(make, [cropped(frames, draws, 6)], frames, draws)


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (6, 7)])
def test_the_first_try_that_fits_counts_else_the_middle(shape):
    frames, draws = picture(3, 2, 1, *shape, 3), unit(4, 2, 3, 4)
    options = {"scale": (0.5, 2.0), "ratio": (0.5, 2.0)}
    draws[:, :2, 0] = 0.999
    draws[:, 2, 0] = [0.999, 0.0]
    draws[:, 2, 1] = 0.5
    boxes = [crop_box(*shape, drawn, *options.values()) for drawn in draws]
    assert boxes[0] == crop_box(*shape, [], *options.values()) != boxes[1]
    got = called(ResizedCrop(4, dtype=jnp.float64, **options), frames, draws)
    np.testing.assert_allclose(got, cropped(frames, draws, 4, **options), atol=1e-12)


def test_a_crop_of_everything_is_a_resize():
    frames, draws = picture(3, 2, 1, 10, 10, 3), unit(4, 2, 1, 4)
    everything = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0), "dtype": jnp.float64}
    with jax.enable_x64(True):
        expected = jax.image.resize(frames, (2, 1, 7, 7, 3), "linear", antialias=False)
    np.testing.assert_allclose(
        called(ResizedCrop(7, **everything), frames, draws), expected, atol=1e-12
    )
    np.testing.assert_array_equal(called(ResizedCrop(10, **everything), frames, draws), frames)


def test_erasing_agrees_with_a_loop_over_clips():
    frames, noise = normal(5, 4, 2, 9, 7, 3), normal(6, 4, 2, 9, 7, 3)
    chances, draws = np.array([0.1, 0.25, 0.249, 0.8]), unit(7, 4, 5, 4)
    expected = erased_frames(frames, noise, chances, draws)
    assert (expected != frames).any((1, 2, 3, 4)).tolist() == [True, False, True, False]
    assert_agrees(RandomErasing, [expected], frames, noise, chances, draws)


def test_nothing_is_erased_where_no_try_is_smaller_than_the_frame():
    frames, noise = normal(5, 1, 2, 5, 5, 3), normal(6, 1, 2, 5, 5, 3)
    always = RandomErasing(probability=1.0, area=(1.0, 1.0), ratio=(1.0, 1.0), dtype=jnp.float64)
    got = called(always, frames, noise, np.zeros(1), unit(7, 1, 5, 4))
    np.testing.assert_array_equal(got, frames)


# Mixing.


def mixed(frames, labels, choice, shares, classes, smoothing=0.1):
    cutmix = choice[0] < 0.5
    alpha = 1.0 if cutmix else 0.8
    pairs = [(u ** (1 / alpha), v ** (1 / alpha)) for u, v in shares]
    own = next(x / (x + y) for x, y in pairs if x + y <= 1)
    batch, _, height, width, _ = frames.shape
    out = frames.copy()
    if cutmix:
        h, w = int(height * math.sqrt(1 - own)), int(width * math.sqrt(1 - own))
        y, x = int(choice[1] * height), int(choice[2] * width)
        pixels = 0
        for i, j in np.ndindex(height, width):
            if y - h // 2 <= i < y + h // 2 and x - w // 2 <= j < x + w // 2:
                pixels += 1
                for n in range(batch):
                    out[n, :, i, j] = frames[batch - 1 - n, :, i, j]
        own = 1 - pixels / (height * width)
    else:
        for n in range(batch):
            out[n] = own * frames[n] + (1 - own) * frames[batch - 1 - n]
    targets = np.full((batch, classes), smoothing / classes)
    for n in range(batch):
        targets[n, labels[n]] += own * (1 - smoothing)
        targets[n, labels[batch - 1 - n]] += (1 - own) * (1 - smoothing)
    return [out, targets]


@pytest.mark.parametrize("choice", [(0.7, 0.1, 0.2), (0.2, 0.55, 0.4), (0.2, 0.0, 0.99)])
def test_mixing_agrees_with_a_loop_over_clips(choice):
    frames, labels = normal(8, 3, 2, 10, 14, 3), np.array([1, 4, 0])
    shares = unit(9, 16, 2)
    shares[0] = 0.9  # no share: the sum is above one
    make = functools.partial(Mixing, 5)
    expected = mixed(frames, labels, choice, shares, 5)
    assert_agrees(make, expected, frames, labels, np.array(choice), shares)


def test_shares_have_the_beta_distribution():
    module = Mixing(2, label_smoothing=0.0, dtype=jnp.float32)
    mix = jax.jit(
        jax.vmap(lambda s: module(jnp.ones((2, 1, 1, 1, 1)), jnp.arange(2), jnp.ones(3), s)[1])
    )
    own = np.asarray(mix(jnp.asarray(unit(10, 20_000, 16, 2), jnp.float32)))[:, 0, 0]
    # Beta(a, a): mean 1/2, variance 1 / (4 (2 a + 1)); standard errors are 0.0022 and 0.0006.
    assert np.mean(own) == pytest.approx(0.5, abs=0.01)
    assert np.var(own) == pytest.approx(1 / (4 * 2.6), abs=0.003)


# All together.

SIZE, CLASSES = 6, 5


def whole(seed: int = 11, batch: int = 2, samples: int = 2, mix: float = 0.7):
    """Inputs of a small augmentation."""
    index = np.random.default_rng(seed).integers(0, len(NAMES), (batch, samples, 2))
    return {
        "frames": picture(seed, batch, 3, 9, 11, 3),
        "labels": np.arange(batch),
        "index": index,
        "operations": unit(seed + 1, batch, samples, 2, 3) * (0.7, 1, 1),
        "crop": unit(seed + 2, batch, samples, 10, 4),
        "chances": np.array([[[0.2, 0.9], [0.7, 0.1]], [[0.5, 0.2], [0.4, 0.6]]]),
        "erasing": unit(seed + 3, batch, samples, 10, 4),
        "noise": normal(seed + 4, batch, samples, 3, SIZE, SIZE, 3),
        "mixing": np.array([mix, 0.4, 0.6]),
        "shares": unit(seed + 5, 16, 2),
    }


def test_the_whole_agrees_with_its_steps_sample_by_sample():
    inputs = whole()
    rows = []
    for n, clip in enumerate(inputs["frames"]):
        for s in range(2):
            x = rand_augmented(
                clip[None], inputs["index"][n, s][None], inputs["operations"][n, s][None]
            )
            x = (x - 0.45) / 0.225
            x = cropped(x, inputs["crop"][n, s][None], SIZE)
            mirror, erase = inputs["chances"][n, s]
            x = x[..., ::-1, :] if mirror < 0.5 else x
            noise, draws = inputs["noise"][n, s][None], inputs["erasing"][n, s][None]
            rows.append(erased_frames(x, noise, [erase], draws))
    labels = np.repeat(inputs["labels"], 2)
    expected = mixed(np.concatenate(rows), labels, inputs["mixing"], inputs["shares"], CLASSES)
    make = functools.partial(Augmentation, SIZE, CLASSES)
    assert_agrees(make, expected, *inputs.values())


def test_frames_of_a_clip_are_augmented_alike():
    module, inputs = Augmentation(SIZE, CLASSES, dtype=jnp.float64), whole(mix=0.2)
    ahead, _ = called(module, *inputs.values())
    backwards = inputs | {
        "frames": inputs["frames"][:, ::-1],
        "noise": inputs["noise"][:, :, ::-1],
    }
    np.testing.assert_allclose(called(module, *backwards.values())[0], ahead[:, ::-1], atol=1e-12)


def test_clips_do_not_touch_each_other_but_in_mixing():
    module = Augmentation(SIZE, CLASSES, dtype=jnp.float64)
    # CutMix of an own share of one moves nothing.
    inputs = whole(mix=0.2) | {"shares": np.tile([0.5, 0.0], (16, 1))}
    other, batchwise = whole(seed=30), ("mixing", "shares", "chances")
    changed = {
        key: x if key in batchwise else np.concatenate([x[:1], other[key][1:]])
        for key, x in inputs.items()
    }
    (before, _), (after, _) = (called(module, *each.values()) for each in (inputs, changed))
    np.testing.assert_array_equal(before[:2], after[:2])
    assert (before[2:] != after[2:]).any((1, 2, 3, 4)).all()
