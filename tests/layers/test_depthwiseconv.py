"""A depthwise convolution alone against sums over taps."""

import functools

import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import depthwise
from reelbench.layers.depthwiseconv import DepthwiseConv3D


@pytest.mark.parametrize(
    ("kernel_size", "strides"), [((3, 3, 3), (1, 1, 1)), ((5, 1, 3), (1, 2, 2))]
)
def test_a_convolution_alone_agrees_with_sums_over_taps(kernel_size, strides):
    make = functools.partial(DepthwiseConv3D, 5, kernel_size=kernel_size, strides=strides)

    def oracle(p, x):
        return depthwise(x, p["conv"]["kernel"], strides)

    assert_agrees(make, oracle, normal(0, 2, 6, 5, 4, 5))
