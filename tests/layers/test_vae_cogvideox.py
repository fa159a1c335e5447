"""Blocks of the CogVideoX autoencoder against sums over taps."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import parameter_count
from layers.numpy_vae import (
    causal,
    frames,
    group_norm,
    linear,
    nearest,
    sees_no_later_frame,
    silu,
)
from reelbench.catalogue import find
from reelbench.layers.vae import (
    CogVideoXDownsample,
    CogVideoXHead,
    CogVideoXResidualBlock,
    CogVideoXSpatialNorm,
    CogVideoXUpsample,
)

GROUPS = 2


def norm(p, x, latent=None):
    if latent is None:
        return group_norm(p, x, GROUPS)
    height, width = (n // m for n, m in zip(x.shape[2:4], latent.shape[2:4], strict=True))
    # One frame stands for itself, every other for as many as there are to share out.
    alone = x.shape[1] % 2 if x.shape[1] > 1 else 0
    rest = (x.shape[1] - alone) // (latent.shape[1] - alone)
    code = nearest(latent[:, alone:], (rest, height, width))
    code = np.concatenate([nearest(latent[:, :alone], (1, height, width)), code], axis=1)
    return group_norm(p["norm"], x, GROUPS) * linear(p["scale"], code) + linear(p["shift"], code)


def block(p, x, latent=None):
    y = causal(p["conv1"], silu(norm(p["norm1"], x, latent)), "first")
    y = causal(p["conv2"], silu(norm(p["norm2"], y, latent)), "first")
    return y + (linear(p["shortcut"], x) if "shortcut" in p else x)


def down(p, x):
    kept = []
    start = x.shape[1] % 2
    if start:
        kept.append(x[:, 0])
    kept += [(x[:, t] + x[:, t + 1]) / 2 for t in range(start, x.shape[1], 2)]
    return frames(p["conv"], np.stack(kept, axis=1), (2, 2), [(0, 1), (0, 1)])


def up(p, x):
    alone = x.shape[1] % 2
    first, rest = nearest(x[:, :alone], (1, 2, 2)), nearest(x[:, alone:], (2, 2, 2))
    return frames(p["conv"], np.concatenate([first, rest], axis=1))


def test_block_of_the_encoder_agrees_with_sums_over_taps():
    make = functools.partial(CogVideoXResidualBlock, 4, 6, groups=GROUPS)
    assert_agrees(make, block, normal(0, 2, 3, 4, 3, 4))


@pytest.mark.parametrize(("shape", "latent"), [((5, 4, 2), (2, 2, 1)), ((2, 2, 2), (1, 1, 2))])
def test_block_of_the_decoder_agrees_with_sums_over_taps(shape, latent):
    make = functools.partial(CogVideoXResidualBlock, 4, 4, latent_features=3, groups=GROUPS)
    assert_agrees(make, block, normal(0, 1, *shape, 4), normal(1, 1, *latent, 3))


@pytest.mark.parametrize("length", [5, 4])
def test_changes_of_resolution_agree_with_one_frame_at_a_time(length):
    x = normal(0, 2, length, 4, 2, 3)
    assert_agrees(functools.partial(CogVideoXDownsample, 3, time=True), down, x)
    assert_agrees(functools.partial(CogVideoXUpsample, 3, time=True), up, x)


def test_space_alone_can_change():
    x = jnp.asarray(normal(0, 1, 3, 4, 4, 2), jnp.float32)
    assert CogVideoXDownsample(2, time=False, rngs=nnx.Rngs(0))(x).shape == (1, 3, 2, 2, 2)
    assert CogVideoXUpsample(2, time=False, rngs=nnx.Rngs(0))(x).shape == (1, 3, 8, 8, 2)


def test_the_head_agrees_with_sums_over_taps():
    def head(p, x, latent):
        return causal(p["conv"], silu(norm(p["norm"], x, latent)), "first")

    make = functools.partial(CogVideoXHead, 4, 3, latent_features=2, groups=GROUPS)
    assert_agrees(make, head, normal(0, 1, 3, 2, 4, 4), normal(1, 1, 2, 1, 2, 2))


def test_the_spatial_norm_is_a_group_norm_where_the_code_says_nothing():
    layer = CogVideoXSpatialNorm(4, 3, groups=2, rngs=nnx.Rngs(0))
    layer.scale.bias[...] = jnp.ones(4)
    x = normal(0, 1, 3, 2, 2, 4)
    got = layer(jnp.asarray(x, jnp.float32), jnp.zeros((1, 2, 1, 1, 3)))
    ones = {"scale": np.ones(4), "bias": np.zeros(4)}
    np.testing.assert_allclose(got, group_norm(ones, x, 2), rtol=1e-4, atol=1e-5)


def test_changes_of_resolution_see_no_later_frame():
    down, up = (
        make(3, time=True, rngs=nnx.Rngs(0)) for make in (CogVideoXDownsample, CogVideoXUpsample)
    )
    sees_no_later_frame(down, normal(0, 1, 5, 4, 4, 3), 3, 2)
    sees_no_later_frame(up, normal(0, 1, 3, 2, 2, 3), 2, 3)


def test_the_published_layers_have_their_parameters():
    def count(name):
        return parameter_count(
            lambda: CogVideoXResidualBlock(**find(name).options, rngs=nnx.Rngs(0))
        )

    conv, group = 27 * 128 * 128 + 128, 2 * 128
    assert count("cogvideox-vae-encoder-residual") == 2 * (group + conv) == 885_504
    spatial = group + 2 * (16 * 128 + 128)
    assert count("cogvideox-vae-decoder-residual") == 2 * (spatial + conv) == 894_208
