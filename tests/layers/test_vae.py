"""Blocks of video autoencoders against sums over taps, and the published parameter count."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import convolve, parameter_count, silu
from reelbench.catalogue import find
from reelbench.layers.vae import ChannelRMSNorm, WanResidualBlock


def rms_norm(x, p):
    return p["scale"] * x / np.sqrt((x**2).mean(axis=-1, keepdims=True))


def block(p, x):
    """A residual block of the Wan autoencoder, written down from its source."""

    def convolved(p, x):
        padding = [(2, 0), (1, 1), (1, 1)]  # no later frame
        return convolve(x, p["conv"]["kernel"], padding=padding) + p["conv"]["bias"]

    y = convolved(p["conv1"], silu(rms_norm(x, p["norm1"])))
    y = convolved(p["conv2"], silu(rms_norm(y, p["norm2"])))
    if "shortcut" in p:
        x = x @ p["shortcut"]["conv"]["kernel"][0, 0, 0] + p["shortcut"]["conv"]["bias"]
    return x + y


@pytest.mark.parametrize(("features", "shape"), [((4, 4), (3, 5, 4)), ((3, 5), (1, 4, 3))])
def test_block_agrees_with_sums_over_taps(features, shape):
    make = functools.partial(WanResidualBlock, *features)
    assert_agrees(make, block, normal(0, 2, *shape, features[0]))


def test_no_output_sees_a_later_frame():
    layer = WanResidualBlock(4, 4, rngs=nnx.Rngs(0))
    x = normal(0, 1, 5, 3, 3, 4).astype(np.float32)
    changed = x.copy()
    changed[:, 3:] *= -1
    before, after = np.asarray(layer(x)), np.asarray(layer(changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(axis=(0, 2, 3, 4)).all()


def test_the_norm_ignores_the_size_of_its_input_and_is_smooth_at_zero():
    norm = ChannelRMSNorm(6, rngs=nnx.Rngs(0))
    x = jnp.asarray(normal(0, 5, 6), jnp.float32)
    np.testing.assert_allclose(norm(1e-4 * x), norm(x), rtol=1e-5)
    gradient = jax.grad(lambda x: norm(x).sum())(jnp.zeros((2, 6)))
    assert np.isfinite(gradient).all()


def count(*features, **options):
    return parameter_count(lambda: WanResidualBlock(*features, **options, rngs=nnx.Rngs(0)))


@pytest.mark.parametrize("name", ["wan-vae-residual", "wan-vae-residual-480p"])
def test_a_block_has_the_published_parameters(name):
    assert count(**find(name).options) == 2 * (96 + 27 * 96 * 96 + 96) == 498_048


def test_all_blocks_and_what_joins_them_have_the_parameters_of_the_autoencoder():
    def conv(taps, narrow, wide):
        return taps * narrow * wide + wide

    attention = 384 + conv(1, 384, 3 * 384) + conv(1, 384, 384)
    middle = 2 * count(384, 384) + attention
    # Two blocks a level; down-sampling in space after three levels, in time after two of them.
    encoder = conv(27, 3, 96) + middle + 384 + conv(27, 384, 32)
    for narrow, wide in ((96, 96), (96, 192), (192, 384), (384, 384)):
        encoder += count(narrow, wide) + count(wide, wide)
    encoder += conv(9, 96, 96) + conv(9, 192, 192) + conv(9, 384, 384)
    encoder += conv(3, 192, 192) + conv(3, 384, 384)
    # Three blocks a level; up-sampling halves the channels, in time after the first two levels.
    decoder = conv(27, 16, 384) + middle + 96 + conv(27, 96, 3)
    for narrow, wide in ((384, 384), (192, 384), (192, 192), (96, 96)):
        decoder += count(narrow, wide) + 2 * count(wide, wide)
    decoder += 2 * conv(9, 384, 192) + conv(9, 192, 96)
    decoder += 2 * conv(3, 384, 768)
    latent = conv(1, 32, 32) + conv(1, 16, 16)
    assert encoder + decoder + latent == 126_892_531
