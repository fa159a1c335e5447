"""Layers of a convolution over space and one over time against sums over taps."""

import functools

import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import convolve, parameter_count, relu, wide_statistics
from layers.numpy_pooling import max_pool
from layers.test_residual import agree, conv_norm
from reelbench.catalogue import find
from reelbench.layers.factorised import (
    R2Plus1DBottleneck,
    R2Plus1DStem,
    SeparableConv3D,
    SepInception,
)

EPSILON = 1e-3


def s3d_norm(p, x, strides=(1, 1, 1)):
    """A convolution, batch normalisation with S3D's epsilon and stored statistics, and ReLU."""
    y, norm = convolve(x, p["conv"]["kernel"], strides), p["norm"]
    return relu((y - norm["mean"]) / np.sqrt(norm["var"] + EPSILON) * norm["scale"] + norm["bias"])


def separable(p, x, stride=1):
    return s3d_norm(p["temporal"], s3d_norm(p["spatial"], x, (1, stride, stride)), (stride, 1, 1))


def test_stem_of_r2plus1d_agrees_with_sums_over_taps():
    def oracle(p, x):
        y = relu(conv_norm(p["spatial"], x, (1, 2, 2), train=False))
        return relu(conv_norm(p["temporal"], y, (1, 1, 1), train=False))

    make = functools.partial(R2Plus1DStem, 2, 3, 4)
    assert_agrees(wide_statistics(make), oracle, normal(0, 2, 3, 6, 5, 2))


@pytest.mark.parametrize(
    ("features", "strides", "train"),
    [((4, 2, 4), (1, 1, 1), True), ((3, 2, 5), (2, 2, 2), False)],
)
def test_bottleneck_of_r2plus1d_agrees_with_sums_over_taps(features, strides, train):
    make = functools.partial(R2Plus1DBottleneck, *features, strides=strides)
    t, h, w = strides
    each = ((1, 1, 1), (t, 1, 1), (1, h, w), (1, 1, 1))
    agree(make, each, (2, 3, 5, 4, features[0]), train)


def test_separable_convolution_agrees_with_sums_over_taps():
    make = functools.partial(SeparableConv3D, 2, 3, kernel_length=5, stride=2)
    oracle = functools.partial(separable, stride=2)
    assert_agrees(wide_statistics(make), oracle, normal(0, 2, 4, 5, 6, 2))


def test_inception_block_agrees_with_its_branches():
    def oracle(p, x):
        pooled = max_pool(x, (3, 3, 3), (1, 1, 1), (1, 1, 1))
        branches = [
            s3d_norm(p["point"], x),
            separable(p["first"], s3d_norm(p["first_point"], x)),
            separable(p["second"], s3d_norm(p["second_point"], x)),
            s3d_norm(p["pool_point"], pooled),
        ]
        return np.concatenate(branches, axis=-1)

    make = functools.partial(SepInception, 3, 2, (3, 4), (2, 1), 5)
    assert_agrees(wide_statistics(make), oracle, normal(0, 1, 3, 4, 3, 3))


def count(layer, name):
    return parameter_count(lambda: layer(**find(name).options, rngs=nnx.Rngs(0)))


def test_layers_have_the_published_parameters():
    norm = 2  # scale and bias a channel
    stem = 49 * 3 * 45 + norm * 45 + 3 * 45 * 64 + norm * 64
    assert count(R2Plus1DStem, "r2plus1d-stem") == stem == 15_473
    bottleneck = 2 * 1024 * 256 + (3 + 9) * 256 * 256 + norm * (3 * 256 + 1024)
    assert count(R2Plus1DBottleneck, "r2plus1d-r50-res4") == bottleneck == 1_314_304
    separable_stem = 49 * 3 * 64 + 7 * 64 * 64 + 2 * norm * 64
    assert count(SeparableConv3D, "s3d-stem") == separable_stem == 38_336
    points = 192 * (64 + 96 + 16 + 32) + norm * (64 + 96 + 16 + 32)
    branches = 9 * 96 * 128 + 3 * 128 * 128 + 9 * 16 * 32 + 3 * 32 * 32 + 2 * norm * (128 + 32)
    assert count(SepInception, "s3d-inception") == points + branches == 208_416
