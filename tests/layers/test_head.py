"""Classification heads against loops over windows."""

import functools

import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import parameter_count
from layers.numpy_pooling import average_pool
from reelbench.catalogue import find
from reelbench.layers.head import PoolingHead, SlowFastHead


def linear(p, x):
    return x @ p["linear"]["kernel"] + p["linear"]["bias"]


@pytest.mark.parametrize("window", [None, (2, 2, 3)])
def test_head_agrees_with_the_mean_of_a_classifier_at_every_window(window):
    x = normal(0, 2, 3, 4, 5, 6)

    def oracle(p, x):
        logits = linear(p, average_pool(x, window or x.shape[1:-1]))
        return logits.mean(axis=(1, 2, 3))

    assert_agrees(functools.partial(PoolingHead, 6, 7, window=window), oracle, x)


def test_head_of_two_pathways_agrees_with_a_classifier_of_their_joined_means():
    def oracle(p, slow, fast):
        pooled = [average_pool(slow, (2, 2, 2)), average_pool(fast, (6, 2, 2))]
        return linear(p, np.concatenate(pooled, axis=-1)).mean(axis=(1, 2, 3))

    make = functools.partial(SlowFastHead, 5, 3, 4, slow_window=(2, 2, 2), fast_window=(6, 2, 2))
    assert_agrees(make, oracle, normal(0, 2, 2, 3, 3, 5), normal(1, 2, 6, 3, 3, 3))


def test_heads_have_the_published_parameters():
    def count(layer, name):
        return parameter_count(lambda: layer(**find(name).options, rngs=nnx.Rngs(0)))

    assert count(PoolingHead, "r3d-head") == 512 * 400 + 400 == 205_200
    assert count(SlowFastHead, "slowfast-head") == (2048 + 256) * 400 + 400 == 922_000
