"""R(2+1)D blocks against sums over taps, and against the published parameter count."""

import functools

import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import batch_norm, convolve, parameter_count, relu, wide_statistics
from reelbench.catalogue import find
from reelbench.layers.factorised import R2Plus1DBlock


def block(p, x, strides, train):
    """A residual block of R(2+1)D, written down from the paper."""

    def pair(p, x, strides):
        spatial = convolve(x, p["spatial"]["kernel"], (1, *strides[1:]))
        middle = relu(batch_norm(spatial, p["norm"], train))
        return convolve(middle, p["temporal"]["kernel"], (strides[0], 1, 1))

    y = relu(batch_norm(pair(p["conv1"], x, strides), p["norm1"], train))
    y = batch_norm(pair(p["conv2"], y, (1, 1, 1)), p["norm2"], train)
    if "shortcut" in p:
        t, h, w = strides
        x = x[:, ::t, ::h, ::w] @ p["shortcut"]["kernel"][0, 0, 0]
        x = batch_norm(x, p["shortcut_norm"], train)
    return relu(x + y)


@pytest.mark.parametrize(
    ("features", "strides", "shape", "train"),
    [
        ((3, 3), (1, 1, 1), (3, 5, 4), True),
        ((3, 4), (2, 2, 2), (5, 7, 4), False),
    ],
)
def test_block_agrees_with_sums_over_taps(features, strides, shape, train):
    make = wide_statistics(functools.partial(R2Plus1DBlock, *features, strides=strides))
    oracle = functools.partial(block, strides=strides, train=train)
    assert_agrees(make, oracle, normal(0, 2, *shape, features[0]), train=train)


def count(*features, **options):
    return parameter_count(lambda: R2Plus1DBlock(*features, **options, rngs=nnx.Rngs(0)))


def test_a_block_has_the_published_parameters():
    middle = 144
    convolutions = 9 * 64 * middle + 3 * middle * 64
    norms = 2 * middle + 2 * 64  # scale and bias a channel
    options = find("r2plus1d-layer1").options
    assert count(**options) == 2 * (convolutions + norms) == 222_016
    dense = 27 * 64 * 64
    assert convolutions == dense


def test_eight_blocks_a_stem_and_a_classifier_have_the_parameters_of_r2plus1d_18():
    stem = 49 * 3 * 45 + 2 * 45 + 3 * 45 * 64 + 2 * 64
    blocks = 2 * count(64, 64)
    for narrow, wide in ((64, 128), (128, 256), (256, 512)):
        blocks += count(narrow, wide, strides=(2, 2, 2)) + count(wide, wide)
    classifier = 512 * 400 + 400
    assert stem + blocks + classifier == 31_505_325
