"""Dense 3-D convolution against a sum over taps."""

import functools

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_pooling import max_pool
from reelbench.layers.convolution import Conv3D, MaxPool3D


def convolve(x: np.ndarray, kernel: np.ndarray, strides=(1, 1, 1), padding=None) -> np.ndarray:
    """N-D convolution of a channels-last batch: one matrix product a tap.

    `padding` is a (before, after) pair for each axis; by default half the kernel on both sides.
    """
    lengths = kernel.shape[:-2]
    padding = padding or [(k // 2, k // 2) for k in lengths]
    padded = np.pad(x, [(0, 0), *padding, (0, 0)])
    sizes = [(n - k) // s + 1 for n, k, s in zip(padded.shape[1:-1], lengths, strides, strict=True)]
    out = np.zeros((x.shape[0], *sizes, kernel.shape[-1]))
    for tap in np.ndindex(*lengths):
        window = tuple(
            slice(t, t + s * (n - 1) + 1, s) for t, s, n in zip(tap, strides, sizes, strict=True)
        )
        out += padded[(slice(None), *window)] @ kernel[tap]
    return out


@pytest.mark.parametrize("shape", [(4, 6, 6), (3, 5, 7), (1, 1, 2)])
@pytest.mark.parametrize("strides", [(1, 1, 1), (1, 2, 2), (2, 2, 2)])
def test_conv3d_agrees_with_a_sum_over_taps(shape, strides):
    make = functools.partial(Conv3D, 3, 5, strides=strides)

    def oracle(parameters, x):
        return convolve(x, parameters["conv"]["kernel"], strides)

    assert_agrees(make, oracle, normal(0, 2, *shape, 3))


@pytest.mark.parametrize("shape", [(4, 6, 6), (5, 7, 9)])
@pytest.mark.parametrize(
    ("window", "strides", "padding"),
    [((1, 3, 3), (1, 2, 2), (0, 1, 1)), ((2, 2, 2), (2, 2, 2), (0, 0, 0))],
)
def test_max_pooling_agrees_with_a_slice_a_tap(shape, window, strides, padding):
    make = functools.partial(MaxPool3D, window, strides, padding=padding)

    def oracle(parameters, x):
        assert not parameters
        return max_pool(x, window, strides, padding)

    assert_agrees(make, oracle, normal(0, 2, *shape, 3))
