"""The blocks of RegNet against convolutions one group at a time."""

import functools

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import parameter_count
from layers.numpy_convolutional import relu, wide_statistics
from layers.numpy_images import conv_norm, squeeze_excitation
from reelbench.layers.regnet import RegNetBlock, RegNetHead, RegNetStem


def block(p, x, *, stride, groups, train):
    y = conv_norm(p["widen"], x, train=train)
    y = conv_norm(p["grouped"], y, train=train, stride=stride, groups=groups)
    if "squeeze_excitation" in p:
        y = squeeze_excitation(p["squeeze_excitation"], y)
    y = conv_norm(p["mix"], y, "none", train)
    if "shortcut" in p:
        x = conv_norm(p["shortcut"], x, "none", train, stride=stride)
    return relu(x + y)


@pytest.mark.parametrize(
    ("shape", "out", "group", "stride", "se_ratio", "train"),
    [
        ((2, 3, 4), 4, 2, 1, 0.5, False),
        ((1, 5, 4), 6, 3, 2, 0.5, True),
        ((2, 4, 3), 4, 1, 1, 0.0, False),
    ],
)
def test_a_block_agrees_with_its_convolutions_one_group_at_a_time(
    shape, out, group, stride, se_ratio, train
):
    make = functools.partial(
        RegNetBlock, 4, out, group_width=group, strides=(stride, stride), se_ratio=se_ratio
    )
    oracle = functools.partial(block, stride=stride, groups=out // group, train=train)
    assert_agrees(wide_statistics(make), oracle, normal(1, 2, *shape, 4), train=train)


def test_the_stem_halves_each_image():
    def oracle(p, x):
        return conv_norm(p, x, stride=2)

    make = wide_statistics(functools.partial(RegNetStem, 3, 4))
    assert_agrees(make, oracle, normal(0, 1, 2, 5, 6, 3))


def test_the_head_is_linear_in_the_mean_of_each_image():
    def oracle(p, x):
        return x.mean((-3, -2)) @ p["linear"]["kernel"] + p["linear"]["bias"]

    assert_agrees(functools.partial(RegNetHead, 3, 4), oracle, normal(0, 2, 3, 2, 3, 3))


def test_a_group_of_one_image_does_not_see_another_group():
    from flax import nnx

    module = RegNetBlock(4, 4, group_width=2, se_ratio=0.0, rngs=nnx.Rngs(0)).grouped
    module.eval()
    x = normal(0, 1, 1, 3, 3, 4).astype(np.float32)
    moved = x.copy()
    moved[..., :2] += 1
    before, after = np.asarray(module(x)), np.asarray(module(moved))
    np.testing.assert_array_equal(before[..., 2:], after[..., 2:])
    assert np.abs(before[..., :2] - after[..., :2]).max() > 1e-3


def test_parameters_of_the_published_layers():
    wide, squeeze = 336, 84
    gate = wide * squeeze + squeeze + squeeze * wide + wide
    assert parameter_count("regnet-y-1.6gf-stage3") == (
        2 * wide * wide + 9 * 24 * wide + 3 * 2 * wide + gate
    )
    wide = 432
    assert parameter_count("regnet-x-3.2gf-stage3") == 2 * wide * wide + 9 * 48 * wide + 6 * wide
