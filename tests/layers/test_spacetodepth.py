"""Patches moved to channels against one position at a time; what goes down comes up again."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from reelbench.layers.shuffle import depth_to_space, space_to_depth
from reelbench.layers.spacetodepth import (
    AverageDown3D,
    DuplicateUp3D,
    HaarPatch,
    HaarUnpatch,
    Patchify,
)


def average_down(_, x, out_features, factors):
    before = -x.shape[1] % factors[0]
    x = np.pad(x, [(0, 0), (before, 0), (0, 0), (0, 0), (0, 0)])
    sizes = [n // f for n, f in zip(x.shape[1:4], factors, strict=True)]
    out = np.empty((x.shape[0], *sizes, out_features))
    for t, h, w in np.ndindex(*sizes):
        corner = np.array((t, h, w)) * factors
        patch = x[:, *(slice(c, c + f) for c, f in zip(corner, factors, strict=True))]
        channels = np.moveaxis(patch, -1, 1).reshape(x.shape[0], -1)
        out[:, t, h, w] = channels.reshape(x.shape[0], out_features, -1).mean(-1)
    return out


def duplicate_up(_, x, out_features, factors):
    size = factors[0] * factors[1] * factors[2]
    skipped = factors[0] - 1
    sizes = [n * f for n, f in zip(x.shape[1:4], factors, strict=True)]
    out = np.empty((x.shape[0], sizes[0] - skipped, *sizes[1:], out_features))
    for position in np.ndindex(*out.shape[1:4]):
        place = (position[0] + skipped, *position[1:])
        coarse, fine = zip(
            *(divmod(n, f) for n, f in zip(place, factors, strict=True)), strict=True
        )
        offset = (fine[0] * factors[1] + fine[1]) * factors[2] + fine[2]
        for c in range(out_features):
            repeated = (c * size + offset) * x.shape[-1] // (out_features * size)
            out[:, *position, c] = x[:, *coarse, repeated]
    return out


@pytest.mark.parametrize(
    ("features", "factors", "shape"),
    [
        ((2, 4), (2, 2, 2), (3, 4, 2)),
        ((4, 4), (1, 2, 2), (2, 2, 4)),
        ((3, 3), (1, 1, 1), (2, 1, 2)),
    ],
)
def test_averages_agree_with_one_patch_at_a_time(features, factors, shape):
    make = functools.partial(AverageDown3D, *features, factors)
    oracle = functools.partial(average_down, out_features=features[1], factors=factors)
    assert_agrees(make, oracle, normal(0, 2, *shape, features[0]))


@pytest.mark.parametrize(
    ("features", "factors"), [((4, 4), (2, 2, 2)), ((4, 2), (1, 2, 2)), ((16, 4), (2, 2, 2))]
)
def test_duplicates_agree_with_one_pixel_at_a_time(features, factors):
    make = functools.partial(DuplicateUp3D, *features, factors)
    oracle = functools.partial(duplicate_up, out_features=features[1], factors=factors)
    assert_agrees(make, oracle, normal(0, 1, 3, 2, 1, features[0]))


def test_average_of_duplicates_is_what_was_duplicated():
    x = jnp.asarray(normal(0, 1, 1, 2, 3, 8), jnp.float32)
    up, down = DuplicateUp3D(8, 2, (1, 2, 2)), AverageDown3D(2, 8, (1, 2, 2))
    np.testing.assert_array_equal(down(up(x)), x)


def haar(_, x, patch):
    """Signs of the sums of a patch, by the binary digits of the band and of the position."""
    x = np.concatenate([np.repeat(x[:, :1], patch, axis=1), x[:, 1:]], axis=1)
    turns = patch.bit_length() - 1
    sizes = [n // patch for n in x.shape[1:4]]
    features = x.shape[-1]
    out = np.zeros((x.shape[0], *sizes, patch**3 * features))
    for t, h, w in np.ndindex(*sizes):
        for place in np.ndindex(patch, patch, patch):
            position = (t * patch + place[0], h * patch + place[1], w * patch + place[2])
            for band in range(patch**3):
                sign, rest = 1, band
                # The last turn's bands are the slowest digits; it saw the coarsest positions.
                for turn in reversed(range(turns)):
                    rest, digits = rest % 8**turn, rest // 8**turn
                    for axis in range(3):
                        if digits >> (2 - axis) & 1 and place[axis] >> turn & 1:
                            sign = -sign
                channels = slice(band * features, (band + 1) * features)
                out[:, t, h, w, channels] += sign * x[:, *position] / patch**3
    return out


@pytest.mark.parametrize(("patch", "shape"), [(2, (3, 2, 4)), (4, (5, 4, 4))])
def test_haar_bands_agree_with_signed_sums(patch, shape):
    make = functools.partial(HaarPatch, patch)
    assert_agrees(make, functools.partial(haar, patch=patch), normal(0, 1, *shape, 2))


def test_haar_bands_give_the_clip_back():
    x = jnp.asarray(normal(0, 2, 9, 8, 4, 3), jnp.float32)
    np.testing.assert_allclose(HaarUnpatch(4)(HaarPatch(4)(x)), x, rtol=1e-5, atol=1e-6)


def test_patching_gives_the_bands_back():
    bands = normal(0, 1, 2, 2, 2, 16)
    clip = HaarUnpatch(2)(jnp.asarray(bands, jnp.float32))
    assert clip.shape == (1, 3, 4, 4, 2)
    # But for the first frame's: its patch is made of repeated frames again.
    again = haar(None, np.asarray(clip, np.float64), 2)
    np.testing.assert_allclose(again[:, 1:], bands[:, 1:], rtol=1e-4, atol=1e-5)


def test_patches_are_ordered_by_channel_column_and_row():
    x = normal(0, 2, 2, 4, 6, 3)

    def oracle(_, x):
        out = np.empty((2, 2, 2, 3, 12))
        for h, w, c, i, j in np.ndindex(2, 3, 3, 2, 2):
            out[:, :, h, w, (c * 2 + j) * 2 + i] = x[:, :, 2 * h + i, 2 * w + j, c]
        return out

    assert_agrees(functools.partial(Patchify, 2), oracle, x)
    layer = Patchify(2)
    np.testing.assert_array_equal(layer.inverse(layer(jnp.asarray(x))), jnp.asarray(x))


@pytest.mark.parametrize("order", ["cthw", "ctwh", "thwc"])
def test_moving_patches_to_channels_can_be_undone(order):
    x = np.arange(2 * 4 * 6 * 4 * 3).reshape(2, 4, 6, 4, 3)
    deep = space_to_depth(jnp.asarray(x), (2, 3, 2), order)
    assert deep.shape == (2, 2, 2, 2, 36)
    np.testing.assert_array_equal(depth_to_space(deep, (2, 3, 2), order), x)
