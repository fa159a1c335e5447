"""X3D blocks against sums over taps, and against the published parameter count."""

import functools
import math

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
    sigmoid,
    silu,
    wide_statistics,
)
from reelbench.catalogue import find
from reelbench.layers.depthwise import X3DBlock, X3DHead, X3DStem, round_width


def block(p, x, strides, train):
    """A residual block of X3D, written down from the paper."""
    y = relu(batch_norm(x @ p["widen"]["kernel"][0, 0, 0], p["widen_norm"], train))
    y = batch_norm(depthwise(y, p["depthwise"]["kernel"], strides), p["depthwise_norm"], train)
    if "squeeze_excitation" in p:
        reduce, expand = (p["squeeze_excitation"][name] for name in ("reduce", "expand"))
        gates = np.empty((len(y), y.shape[-1]))
        for clip in range(len(y)):
            squeezed = relu(y[clip].mean(axis=(0, 1, 2)) @ reduce["kernel"] + reduce["bias"])
            gates[clip] = sigmoid(squeezed @ expand["kernel"] + expand["bias"])
        y = y * gates[:, None, None, None]
    y = batch_norm(silu(y) @ p["narrow"]["kernel"][0, 0, 0], p["narrow_norm"], train)
    if "shortcut" in p:
        t, h, w = strides
        x = x[:, ::t, ::h, ::w] @ p["shortcut"]["kernel"][0, 0, 0]
    if "shortcut_norm" in p:
        x = batch_norm(x, p["shortcut_norm"], train)
    return relu(x + y)


@pytest.mark.parametrize(
    ("features", "strides", "se_ratio", "train"),
    [
        ((4, 9, 4), (1, 1, 1), 1 / 16, True),
        ((3, 7, 3), (1, 2, 2), 0, False),  # strides alone: a projection without a norm
        ((3, 7, 5), (2, 2, 1), 1 / 16, False),
    ],
)
def test_block_agrees_with_sums_over_taps(features, strides, se_ratio, train):
    make = wide_statistics(
        functools.partial(X3DBlock, *features, strides=strides, se_ratio=se_ratio)
    )
    oracle = functools.partial(block, strides=strides, train=train)
    assert_agrees(make, oracle, normal(0, 2, 3, 5, 4, features[0]), train=train)


def stem(p, x, strides, train):
    """A stem of X3D: over space, over time, normalised."""
    time = p["temporal"]["kernel"]
    y = convolve(x, p["spatial"]["kernel"], (1, *strides[1:]))
    return relu(batch_norm(depthwise(y, time, (strides[0], 1, 1)), p["norm"], train))


def head(p, x, window):
    """A head of X3D in evaluation mode: the scores of each window of the input, averaged."""
    y = relu(batch_norm(x @ p["widen"]["kernel"], p["norm"], train=False))
    scores = []
    for at in np.ndindex(*(n - k + 1 for n, k in zip(x.shape[1:4], window, strict=True))):
        t, h, w = (slice(a, a + k) for a, k in zip(at, window, strict=True))
        mean = y[:, t, h, w].mean(axis=(1, 2, 3))
        features = relu(mean @ p["project"]["kernel"])
        scores.append(features @ p["classify"]["kernel"] + p["classify"]["bias"])
    return np.mean(scores, axis=0)


def test_stem_agrees_with_sums_over_taps():
    make = wide_statistics(functools.partial(X3DStem, 3, 4))
    oracle = functools.partial(stem, strides=(1, 2, 2), train=True)
    assert_agrees(make, oracle, normal(0, 2, 3, 5, 4, 3), train=True)


@pytest.mark.parametrize("window", [None, (2, 2, 3)])
def test_head_agrees_with_the_scores_of_its_windows(window):
    make = wide_statistics(functools.partial(X3DHead, 3, 5, 6, 4, pool_size=window))
    oracle = functools.partial(head, window=window or (3, 3, 4))
    assert_agrees(make, oracle, normal(0, 2, 3, 3, 4, 3))


def test_widths_are_rounded_to_eights_but_never_far_down():
    assert round_width(216, 1 / 16) == 16  # 13.5
    assert round_width(54, 1 / 16) == 8  # 3.4: not below eight
    assert round_width(432, 1 / 16) == 32  # 27: 24 would be more than a tenth below
    assert round_width(12, 2) == 24


def count(*features, layer=X3DBlock, **options):
    return parameter_count(lambda: layer(*features, **options, rngs=nnx.Rngs(0)))


def test_a_block_has_the_published_parameters():
    convolutions = 96 * 216 + 27 * 216 + 216 * 96
    norms = 2 * (216 + 216 + 96)  # scale and bias a channel
    squeeze_excitation = 216 * 16 + 16 + 16 * 216 + 216
    options = find("x3d-m-res4").options
    assert count(**options) == convolutions + norms + squeeze_excitation == 55_504
    assert count(**{**options, "se_ratio": 0}) == convolutions + norms


def test_all_blocks_a_stem_and_a_head_have_the_parameters_of_x3d_m():
    stem = 9 * 3 * 24 + 5 * 24 + 2 * 24
    assert count(layer=X3DStem, **find("x3d-m-stem").options) == stem
    blocks, narrow = 0, 24
    for wide, depth in ((24, 1), (48, 2), (96, 5), (192, 3)):
        middle = int(2.25 * wide)
        for index in range(math.ceil(2.2 * depth)):
            strides = (1, 1, 1) if index else (1, 2, 2)
            se_ratio = 0 if index % 2 else 1 / 16
            blocks += count(narrow, middle, wide, strides=strides, se_ratio=se_ratio)
            narrow = wide
    head = 192 * 432 + 2 * 432 + 432 * 2048 + 2048 * 400 + 400
    assert count(layer=X3DHead, **find("x3d-m-head").options) == head
    assert stem + blocks + head == 3_794_274
