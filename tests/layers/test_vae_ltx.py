"""Blocks of the LTX-Video autoencoder against sums over taps."""

import functools

import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm
from layers.numpy_convolutional import convolve, parameter_count
from layers.numpy_vae import sees_no_later_frame, silu
from reelbench.catalogue import find
from reelbench.layers.vae import LTXConv3D, LTXHead, LTXResidualBlock, LTXUpsample


def conv(p, x, causal=True, strides=(1, 1, 1)):
    kernel = p["conv"]["kernel"]
    t, h, w = (length // 2 for length in kernel.shape[:3])
    first, last = x[:, :1], x[:, -1:]
    x = np.concatenate([first] * (2 * t if causal else t) + [x] + [last] * (0 if causal else t), 1)
    return convolve(x, kernel, strides, [(0, 0), (h, h), (w, w)]) + p["conv"]["bias"]


def rms_norm(x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-8)


def block(p, x, causal=True):
    y = conv(p["conv1"], silu(rms_norm(x)), causal)
    y = conv(p["conv2"], silu(rms_norm(y)), causal)
    if "shortcut" in p:
        x = conv(p["shortcut"], layer_norm(p["norm3"], x, 1e-6), causal)
    return x + y


def up(p, x):
    """Every output pixel, looked up in the channels of its input position."""
    deep = conv(p["conv"], x, causal=False)
    batch, length, height, width, features = (*x.shape[:4], deep.shape[-1] // 8)
    out = np.empty((batch, 2 * length - 1, 2 * height, 2 * width, features))
    for t, h, w, c in np.ndindex(*out.shape[1:]):
        channel = c * 8 + ((t + 1) % 2) * 4 + (h % 2) * 2 + w % 2
        out[:, t, h, w, c] = deep[:, (t + 1) // 2, h // 2, w // 2, channel]
    return out


@pytest.mark.parametrize("causal", [True, False])
def test_convolution_agrees_with_a_sum_over_taps(causal):
    make = functools.partial(LTXConv3D, 3, 4, strides=(2, 2, 2), causal=causal)
    oracle = functools.partial(conv, causal=causal, strides=(2, 2, 2))
    assert_agrees(make, oracle, normal(0, 2, 3, 4, 3, 3))


@pytest.mark.parametrize(("features", "causal"), [((4, 4), False), ((3, 5), True)])
def test_block_agrees_with_sums_over_taps(features, causal):
    make = functools.partial(LTXResidualBlock, *features, causal=causal)
    oracle = functools.partial(block, causal=causal)
    assert_agrees(make, oracle, normal(0, 2, 3, 4, 2, features[0]))


def test_upsampling_agrees_with_one_pixel_at_a_time():
    assert_agrees(functools.partial(LTXUpsample, 2), up, normal(0, 1, 3, 2, 3, 2))


def test_the_head_agrees_with_sums_over_taps():
    def head(p, x):
        return conv(p["conv"], silu(rms_norm(x)))

    assert_agrees(functools.partial(LTXHead, 4, 3), head, normal(0, 1, 3, 2, 3, 4))


def test_causal_layers_see_no_later_frame_and_others_do():
    rngs = nnx.Rngs(0)
    x = normal(0, 1, 5, 4, 4, 3)
    sees_no_later_frame(LTXConv3D(3, 3, strides=(2, 2, 2), rngs=rngs), x, 3, 2)
    sees_no_later_frame(LTXResidualBlock(3, 4, rngs=rngs), x, 3, 3)
    sees_no_later_frame(LTXUpsample(3, causal=True, rngs=rngs), x, 3, 5)
    # One frame ahead, in each of two convolutions.
    sees_no_later_frame(LTXResidualBlock(3, 4, causal=False, rngs=rngs), x, 3, 1)


def test_the_published_layers_have_their_parameters():
    def count(layer, name):
        return parameter_count(lambda: layer(**find(name).options, rngs=nnx.Rngs(0)))

    residual = 2 * (27 * 128 * 128 + 128)
    assert count(LTXResidualBlock, "ltx-vae-encoder-residual") == residual == 884_992
    assert count(LTXUpsample, "ltx-vae-up") == 27 * 128 * 1024 + 1024
