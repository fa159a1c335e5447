"""Blocks of the Wan autoencoder against sums over taps, and the published parameter count."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import convolve, parameter_count, silu
from layers.numpy_vae import attend, causal, frames, linear, nearest, sees_no_later_frame
from reelbench.catalogue import find
from reelbench.layers.vae import (
    ChannelRMSNorm,
    WanDownsample,
    WanFrameAttention,
    WanHead,
    WanResidualBlock,
    WanUpsample,
)


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
    sees_no_later_frame(layer, normal(0, 1, 5, 3, 3, 4), 3, 3)


def down(p, x):
    """As published: one frame by itself, then chunks of four after the last frame before them."""
    x = frames(p["spatial"], x, (2, 2), [(0, 1), (0, 1)])
    if "temporal" not in p:
        return x
    chunks, last = [x[:, :1]], x[:, :1]
    for first in range(1, x.shape[1], 4):
        chunk = np.concatenate([last, x[:, first : first + 4]], axis=1)
        taps = convolve(chunk, p["temporal"]["kernel"], (2, 1, 1), [(0, 0)] * 3)
        chunks.append(taps + p["temporal"]["bias"])
        last = chunk[:, -1:]
    return np.concatenate(chunks, axis=1)


def up(p, x):
    """As published: one frame after the other; the first is neither doubled nor remembered."""
    chunks, cache = [x[:, :1]], np.zeros_like(x[:, :2])
    for t in range(1, x.shape[1] if "temporal" in p else 1):
        cache = np.concatenate([cache, x[:, t : t + 1]], axis=1)
        pair = convolve(cache, p["temporal"]["conv"]["kernel"], padding=[(0, 0)] * 3)
        pair = pair + p["temporal"]["conv"]["bias"]
        chunks += np.split(pair, 2, axis=-1)
        cache = cache[:, 1:]
    if "temporal" in p:
        x = np.concatenate(chunks, axis=1)
    return frames(p["spatial"], nearest(x, (1, 2, 2)))


@pytest.mark.parametrize(("time", "shape"), [(True, (9, 6, 4)), (False, (2, 5, 6))])
def test_downsampling_agrees_with_the_published_chunks(time, shape):
    assert_agrees(functools.partial(WanDownsample, 3, time=time), down, normal(0, 2, *shape, 3))


@pytest.mark.parametrize(("time", "shape"), [(True, (4, 2, 3)), (False, (2, 3, 2))])
def test_upsampling_agrees_with_the_published_chunks(time, shape):
    assert_agrees(functools.partial(WanUpsample, 4, 3, time=time), up, normal(0, 1, *shape, 4))


def test_a_single_frame_is_an_image():
    x = jnp.asarray(normal(0, 1, 1, 4, 4, 4), jnp.float32)
    assert WanDownsample(4, time=True, rngs=nnx.Rngs(0))(x).shape == (1, 1, 2, 2, 4)
    assert WanUpsample(4, 2, time=True, rngs=nnx.Rngs(0))(x).shape == (1, 1, 8, 8, 2)


def frame_attention(p, x):
    qkv = linear(p["qkv"], rms_norm(x, p["norm"]))
    found = np.empty_like(x)
    for clip, t in np.ndindex(*x.shape[:2]):
        tokens = qkv[clip, t].reshape(-1, qkv.shape[-1])
        found[clip, t] = attend(*np.split(tokens, 3, axis=1)).reshape(x.shape[2:])
    return x + linear(p["proj"], found)


def test_attention_agrees_with_one_frame_at_a_time():
    assert_agrees(
        functools.partial(WanFrameAttention, 4), frame_attention, normal(0, 2, 2, 3, 2, 4)
    )


def test_the_head_agrees_with_sums_over_taps():
    def head(p, x):
        return causal(p["conv"], silu(rms_norm(x, p["norm"])))

    assert_agrees(functools.partial(WanHead, 4, 3), head, normal(0, 1, 3, 2, 3, 4))


def test_changes_of_resolution_see_no_later_frame():
    # Four latent frames stand for 1 + 2 + 2 + 2 of a level.
    sees_no_later_frame(
        WanDownsample(3, time=True, rngs=nnx.Rngs(0)), normal(0, 1, 7, 4, 4, 3), 3, 2
    )
    sees_no_later_frame(
        WanUpsample(3, 3, time=True, rngs=nnx.Rngs(0)), normal(0, 1, 4, 2, 2, 3), 2, 3
    )


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
