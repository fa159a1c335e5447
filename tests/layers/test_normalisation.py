"""Normalisations against statistics taken group by group, and their laws."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import batch_norm, parameter_count, silu, wide_statistics
from reelbench.catalogue import find
from reelbench.layers import create
from reelbench.layers.normalisation import (
    AdaptiveNorm,
    BatchNorm3D,
    ChannelRMSNorm,
    GroupNorm3D,
    TokenNorm,
)


def standard(values, epsilon):
    """Values less their mean, over their standard deviation."""
    centred = values - values.mean()
    return centred / np.sqrt((centred**2).mean() + epsilon)


def by_token(x, epsilon):
    return np.stack([standard(row, epsilon) for row in x.reshape(-1, x.shape[-1])]).reshape(x.shape)


def group_norm(p, x, groups):
    out = np.empty_like(x)
    size = x.shape[-1] // groups
    for clip in range(len(x)):
        for group in range(groups):
            channels = slice(group * size, (group + 1) * size)
            out[clip, ..., channels] = standard(x[clip, ..., channels], 1e-6)
    return out * p["norm"]["scale"] + p["norm"]["bias"]


def adaptive(p, x, condition):
    six = silu(condition) @ p["modulation"]["kernel"] + p["modulation"]["bias"]
    width = x.shape[-1]
    out = x
    for half in range(2):
        shift, scale, gate = (
            six[:, None, (3 * half + i) * width : (3 * half + i + 1) * width] for i in range(3)
        )
        out = out + gate * (by_token(out, 1e-6) * (1 + scale) + shift)
    return out


@pytest.mark.parametrize("train", [True, False])
def test_batch_norm_agrees_with_statistics_of_each_channel(train):
    make = wide_statistics(functools.partial(BatchNorm3D, 3))
    assert_agrees(
        make, lambda p, x: batch_norm(x, p["norm"], train), normal(0, 2, 2, 3, 2, 3), train=train
    )


def test_group_norm_agrees_with_statistics_of_each_clip_and_group():
    make = functools.partial(GroupNorm3D, 6, num_groups=3)
    oracle = functools.partial(group_norm, groups=3)
    assert_agrees(make, oracle, 3 + normal(0, 2, 2, 3, 2, 6))


def test_token_norm_agrees_with_statistics_of_each_token():
    assert_agrees(
        functools.partial(TokenNorm, 5),
        lambda p, x: by_token(x, 1e-6) * p["norm"]["scale"] + p["norm"]["bias"],
        normal(0, 2, 3, 5),
    )


def test_channel_rms_norm_agrees_with_the_norm_of_each_position():
    def oracle(p, x):
        rows = x.reshape(-1, x.shape[-1])
        unit = np.stack([row / np.sqrt((row**2).mean()) for row in rows])
        return unit.reshape(x.shape) * p["scale"]

    assert_agrees(functools.partial(ChannelRMSNorm, 5), oracle, normal(0, 2, 2, 1, 3, 5))


def test_adaptive_norm_agrees_with_its_two_halves_one_by_one():
    assert_agrees(functools.partial(AdaptiveNorm, 4), adaptive, normal(0, 2, 3, 4), normal(1, 2, 4))


def test_an_untrained_adaptive_norm_is_the_identity():
    x, condition = (
        jnp.asarray(normal(i, *s), jnp.float32) for i, s in enumerate([(1, 3, 4), (1, 4)])
    )
    np.testing.assert_array_equal(AdaptiveNorm(4, rngs=nnx.Rngs(0))(x, condition), x)


def test_group_norm_does_not_mix_clips_and_batch_norm_does():
    x = jnp.asarray(normal(0, 2, 2, 3, 2, 4), jnp.float32)
    other = x.at[1].add(normal(1, 2, 3, 2, 4))
    group = GroupNorm3D(4, num_groups=2, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(group(x)[0], group(other)[0])
    batch = BatchNorm3D(4, rngs=nnx.Rngs(0))
    assert not np.allclose(batch(x)[0], batch(other)[0])
    batch.eval()
    np.testing.assert_array_equal(batch(x)[0], batch(other)[0])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("r3d-batch-norm", 2 * 64),
        ("hunyuan-vae-group-norm", 2 * 512),
        ("wan-vae-rms-norm", 96),
        ("vit-b-layer-norm", 2 * 768),
        ("dit-xl-adaln", 6 * 1152 * 1152 + 6 * 1152),
    ],
)
def test_a_published_row_has_its_parameters(name, parameters):
    assert parameter_count(lambda: create(find(name), dtype=jax.numpy.float32)) == parameters
