"""Residual blocks, stems and lateral connections against sums over taps."""

import functools

import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import batch_norm, convolve, parameter_count, relu, wide_statistics
from layers.numpy_pooling import max_pool
from reelbench.catalogue import find
from reelbench.layers.convolution import BasicBlock, Bottleneck, ConvStem, LateralFusion


def conv_norm(p, x, strides, train):
    return batch_norm(convolve(x, p["conv"]["kernel"], strides), p["norm"], train)


def block(p, x, strides, train):
    """A residual block: `strides` has those of each convolution in turn."""
    y = x
    for index, each in enumerate(strides):
        y = conv_norm(p["branch"][index], y, each, train)
        y = relu(y) if index + 1 < len(strides) else y
    if "shortcut" in p:
        t, h, w = np.prod(strides, axis=0)
        x = x[:, ::t, ::h, ::w] @ p["shortcut"]["conv"]["kernel"][0, 0, 0]
        x = batch_norm(x, p["shortcut"]["norm"], train)
    return relu(x + y)


def agree(make, strides, shape, train):
    oracle = functools.partial(block, strides=strides, train=train)
    assert_agrees(wide_statistics(make), oracle, normal(0, *shape), train=train)


@pytest.mark.parametrize(
    ("features", "kernel_size", "strides", "shape", "train"),
    [
        ((3, 4), (3, 3, 3), (2, 2, 2), (2, 3, 5, 4, 3), True),
        ((3, 3), (1, 3, 3), (1, 1, 1), (2, 2, 3, 4, 3), False),
    ],
)
def test_basic_block_agrees_with_sums_over_taps(features, kernel_size, strides, shape, train):
    make = functools.partial(BasicBlock, *features, kernel_size=kernel_size, strides=strides)
    agree(make, (strides, (1, 1, 1)), shape, train)


@pytest.mark.parametrize(
    ("features", "temporal_kernel", "strides", "train"),
    [((4, 2, 4), 3, (1, 1, 1), True), ((3, 2, 5), 1, (2, 2, 2), False)],
)
def test_bottleneck_agrees_with_sums_over_taps(features, temporal_kernel, strides, train):
    make = functools.partial(
        Bottleneck, *features, temporal_kernel=temporal_kernel, strides=strides
    )
    t, h, w = strides
    agree(make, ((t, 1, 1), (1, h, w), (1, 1, 1)), (2, 3, 5, 4, features[0]), train)


def test_stem_agrees_with_sums_over_taps_and_the_largest_of_nine():
    make = functools.partial(ConvStem, 2, 3, kernel_size=(3, 5, 5), pool=True)

    def oracle(p, x):
        y = relu(conv_norm(p["conv"], x, (1, 2, 2), train=False))
        return max_pool(y, (1, 3, 3), (1, 2, 2), (0, 1, 1))

    assert_agrees(wide_statistics(make), oracle, normal(0, 2, 2, 9, 7, 2))


def test_lateral_connection_appends_every_fourth_of_the_frames_convolved_over_time():
    make = functools.partial(LateralFusion, 2, 3, temporal_kernel=5)

    def oracle(p, slow, fast):
        y = relu(conv_norm(p["conv"], fast, (4, 1, 1), train=True))
        return np.concatenate([slow, y], axis=-1)

    slow, fast = normal(0, 2, 2, 2, 3, 4), normal(1, 2, 8, 2, 3, 2)
    assert_agrees(wide_statistics(make), oracle, slow, fast, train=True)


def count(layer, **options):
    return parameter_count(lambda: layer(**options, rngs=nnx.Rngs(0)))


def test_layers_have_the_published_parameters():
    norm = 2  # scale and bias a channel
    basic = 2 * (27 * 64 * 64 + norm * 64)
    assert count(BasicBlock, **find("r3d-block1").options) == basic == 221_440
    narrow, wide = 256, 1024
    bottleneck = (
        3 * wide * narrow + 9 * narrow * narrow + narrow * wide + norm * (2 * narrow + wide)
    )
    assert count(Bottleneck, **find("slowfast-slow-res4").options) == bottleneck == 1_641_472
    stem = 3 * 49 * 3 * 64 + norm * 64
    assert count(ConvStem, **find("r3d-stem").options) == stem == 28_352
    lateral = 7 * 32 * 64 + norm * 64
    assert count(LateralFusion, **find("slowfast-lateral").options) == lateral == 14_464
