"""The blocks of EfficientNet against convolutions a channel, and their padding."""

import functools

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import parameter_count
from layers.numpy_convolutional import wide_statistics
from layers.numpy_images import conv_norm, squeeze_excitation
from reelbench.layers.mbconv import MBConv, MBConvHead, MBConvStem

conv = functools.partial(conv_norm, padding="SAME", epsilon=1e-3)


def block(p, x, *, stride, train):
    y = conv(p["widen"], x, "silu", train) if "widen" in p else x
    y = conv(p["depthwise"], y, "silu", train, stride=stride, groups=y.shape[-1])
    y = conv(p["narrow"], squeeze_excitation(p["squeeze_excitation"], y, "silu"), "none", train)
    return x + y if y.shape == x.shape else y


@pytest.mark.parametrize(
    ("shape", "out", "kernel", "stride", "expand", "train"),
    [
        ((2, 4, 5), 4, 3, 1, 3, False),
        ((1, 6, 7), 6, 5, 2, 2, True),
        ((2, 5, 4), 3, 3, 2, 1, False),
    ],
)
def test_a_block_agrees_with_its_convolutions_one_channel_at_a_time(
    shape, out, kernel, stride, expand, train
):
    make = functools.partial(
        MBConv, 4, out, expand_ratio=expand, kernel_size=kernel, strides=(stride, stride)
    )
    oracle = functools.partial(block, stride=stride, train=train)
    assert_agrees(wide_statistics(make), oracle, normal(0, 2, *shape, 4), train=train)


def test_the_stem_pads_as_tensorflow_pads():
    def oracle(p, x):
        return conv(p, x, "silu", stride=2)

    make = wide_statistics(functools.partial(MBConvStem, 3, 4))
    assert_agrees(make, oracle, normal(0, 1, 2, 6, 5, 3))


def test_the_head_classifies_each_camera_by_itself():
    def oracle(p, x):
        mean = conv(p["widen"], x, "silu").mean((-3, -2))
        linear = p["classifier"]["linear"]
        return mean @ linear["kernel"] + linear["bias"]

    make = wide_statistics(functools.partial(MBConvHead, 3, 5, 4))
    x = normal(0, 1, 2, 3, 2, 3)
    assert_agrees(make, oracle, x)


def test_parameters_of_the_published_layers():
    mid = 6 * 112
    gate = mid * 28 + 28 + 28 * mid + mid
    assert parameter_count("efficientnet-b0-stage5") == (
        112 * mid + 2 * mid + 25 * mid + 2 * mid + gate + mid * 112 + 2 * 112
    )
    assert parameter_count("efficientnet-b0-stem") == 27 * 32 + 2 * 32


def test_the_squeeze_is_a_quarter_of_the_input_not_of_the_middle():
    import flax.nnx as nnx

    module = nnx.eval_shape(lambda: MBConv(16, 24, strides=(2, 2), rngs=nnx.Rngs(0)))
    assert module.squeeze_excitation.reduce.kernel.shape == (96, 4)
    assert np.isclose(module.depthwise.norm.epsilon, 1e-3)
