"""ir-CSN blocks against sums over taps, and against the published parameter count."""

import functools

import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import (
    batch_norm,
    convolve,
    depthwise,
    parameter_count,
    relu,
    wide_statistics,
)
from reelbench.catalogue import find
from reelbench.layers.separated import CSNBlock, CSNHead, CSNStem


def block(p, x, strides, train):
    """A residual block of ir-CSN, written down from the paper."""
    y = relu(batch_norm(x @ p["narrow"]["kernel"][0, 0, 0], p["narrow_norm"], train))
    y = depthwise(y, p["depthwise"]["kernel"], strides)
    y = relu(batch_norm(y, p["depthwise_norm"], train))
    y = batch_norm(y @ p["widen"]["kernel"][0, 0, 0], p["widen_norm"], train)
    if "shortcut" in p:
        t, h, w = strides
        x = x[:, ::t, ::h, ::w] @ p["shortcut"]["kernel"][0, 0, 0]
        x = batch_norm(x, p["shortcut_norm"], train)
    return relu(x + y)


def stem(p, x):
    """A stem of CSN in evaluation mode: a dense convolution, then maxima."""
    y = relu(batch_norm(convolve(x, p["conv"]["kernel"], (1, 2, 2)), p["norm"], train=False))
    height, width = y.shape[2:4]
    out = np.empty((*y.shape[:2], -(-height // 2), -(-width // 2), y.shape[-1]))
    for row, column in np.ndindex(*out.shape[2:4]):
        rows = slice(max(2 * row - 1, 0), 2 * row + 2)
        columns = slice(max(2 * column - 1, 0), 2 * column + 2)
        out[:, :, row, column] = y[:, :, rows, columns].max(axis=(2, 3))
    return out


@pytest.mark.parametrize(
    ("features", "strides", "train"),
    [((6, 3, 6), (1, 1, 1), True), ((4, 3, 6), (2, 2, 2), False)],
)
def test_block_agrees_with_sums_over_taps(features, strides, train):
    make = wide_statistics(functools.partial(CSNBlock, *features, strides=strides))
    oracle = functools.partial(block, strides=strides, train=train)
    assert_agrees(make, oracle, normal(0, 2, 3, 5, 4, features[0]), train=train)


def test_stem_agrees_with_sums_over_taps_and_maxima():
    make = wide_statistics(functools.partial(CSNStem, 3, 2))
    assert_agrees(make, stem, normal(0, 1, 3, 9, 10, 3))


def test_head_scores_the_mean():
    def oracle(p, x):
        return x.mean(axis=(1, 2, 3)) @ p["classify"]["kernel"] + p["classify"]["bias"]

    # Every position counts alike in windows of one position too.
    for window in (None, (1, 1, 1)):
        make = functools.partial(CSNHead, 3, 4, pool_size=window)
        assert_agrees(make, oracle, normal(0, 2, 2, 3, 2, 3))


def count(layer, **options):
    return parameter_count(lambda: layer(**options, rngs=nnx.Rngs(0)))


def test_all_blocks_a_stem_and_a_head_have_the_parameters_of_csn_r101():
    residual = 1024 * 256 + 27 * 256 + 256 * 1024 + 2 * (256 + 256 + 1024)
    assert count(CSNBlock, **find("csn-r101-res4").options) == residual == 534_272
    stem = 3 * 7 * 7 * 3 * 64 + 2 * 64
    assert count(CSNStem, **find("csn-r101-stem").options) == stem
    total, features = stem + 2048 * 400 + 400, 64
    for stage, depth in enumerate((3, 4, 23, 3)):
        middle = 64 * 2**stage
        for index in range(depth):
            convolutions = features * middle + 27 * middle + middle * 4 * middle
            norms = 2 * (middle + middle + 4 * middle)
            shortcut = 0 if index else features * 4 * middle + 2 * 4 * middle
            total += convolutions + norms + shortcut
            features = 4 * middle
    assert total == 22_213_776
