"""Tubelet embedding against a sum over each tubelet's pixels."""

import functools

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import parameter_count
from reelbench.layers.embedding import TubeletEmbedding


def tokens_of(p, x, kernel, strides, padding):
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    starts = [range(0, n - k + 1, s) for n, k, s in zip(x.shape[1:4], kernel, strides, strict=True)]
    weights = p["proj"]["kernel"].reshape(-1, p["proj"]["kernel"].shape[-1])
    tokens = []
    for t in starts[0]:
        for h in starts[1]:
            for w in starts[2]:
                tubelet = x[:, t : t + kernel[0], h : h + kernel[1], w : w + kernel[2]]
                tokens.append(tubelet.reshape(len(x), -1) @ weights + p["proj"]["bias"])
    return np.stack(tokens, axis=1)


@pytest.mark.parametrize(
    ("shape", "kernel", "strides", "padding"),
    [
        ((4, 6, 9), (2, 3, 3), None, ((0, 0), (0, 0), (0, 0))),
        ((5, 7, 8), (2, 3, 3), None, ((0, 0), (0, 0), (0, 0))),
        ((4, 9, 8), (3, 5, 5), (2, 4, 4), ((1, 1), (2, 2), (2, 2))),
    ],
    ids=["tiles", "remainder", "overlap"],
)
def test_tubelet_embedding_agrees_with_a_sum_over_pixels(shape, kernel, strides, padding):
    make = functools.partial(
        TubeletEmbedding, 3, 5, kernel_size=kernel, strides=strides, padding=padding
    )

    def oracle(parameters, x):
        return tokens_of(parameters, x, kernel, strides or kernel, padding)

    assert_agrees(make, oracle, normal(0, 2, *shape, 3))


def test_parameters_of_videomae_b():
    assert parameter_count("videomae-tubelet") == 3 * 2 * 16 * 16 * 768 + 768
