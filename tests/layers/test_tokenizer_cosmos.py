"""Blocks of the Cosmos tokenizer against sums over taps and one query at a time."""

import functools

import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import convolve, parameter_count
from layers.numpy_vae import attend, causal, linear, nearest, sees_no_later_frame, silu
from reelbench.catalogue import find
from reelbench.layers.tokenizer import (
    CosmosAttention,
    CosmosConv3D,
    CosmosDownsample,
    CosmosHead,
    CosmosResidualBlock,
    CosmosUpsample,
)


def norm(p, x):
    """All of a frame has mean 0 and variance 1."""
    out = np.empty_like(x)
    for clip, t in np.ndindex(*x.shape[:2]):
        frame = x[clip, t]
        out[clip, t] = (frame - frame.mean()) / np.sqrt(frame.var() + 1e-6)
    return out * p["norm"]["scale"] + p["norm"]["bias"]


def conv(p, x):
    return causal(p["temporal"], causal(p["spatial"], x, "first"), "first")


def block(p, x):
    y = conv(p["conv1"], silu(norm(p["norm1"], x)))
    y = conv(p["conv2"], silu(norm(p["norm2"], y)))
    return y + (linear(p["shortcut"], x) if "shortcut" in p else x)


def attention(p, x):
    qkv = linear(p["spatial_qkv"], norm(p["spatial_norm"], x))
    found = np.empty_like(x)
    for clip, t in np.ndindex(*x.shape[:2]):
        tokens = qkv[clip, t].reshape(-1, qkv.shape[-1])
        found[clip, t] = attend(*np.split(tokens, 3, axis=1)).reshape(x.shape[2:])
    x = x + linear(p["spatial_out"], found)
    query, key, value = np.split(linear(p["temporal_qkv"], norm(p["temporal_norm"], x)), 3, axis=-1)
    for clip, t, h, w in np.ndindex(*x.shape[:-1]):
        past = (clip, slice(0, t + 1), h, w)
        found[clip, t, h, w] = attend(query[clip, t, h, w][None], key[past], value[past])[0]
    return x + linear(p["temporal_out"], found)


def down(p, x):
    kernel, bias = p["spatial"]["kernel"], p["spatial"]["bias"]
    each = [convolve(x[:, t], kernel, (2, 2), [(0, 1), (0, 1)]) + bias for t in range(x.shape[1])]
    means = (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4
    x = np.stack(each, axis=1) + means
    pairs = [x[:, 0]] + [(x[:, t] + x[:, t + 1]) / 2 for t in range(1, x.shape[1], 2)]
    x = causal(p["temporal"], x, "first", (2, 1, 1)) + np.stack(pairs, axis=1)
    return x @ p["out"]["kernel"][0, 0] + p["out"]["bias"]


def up(p, x):
    x = np.concatenate([x[:, :1], nearest(x[:, 1:], (2, 1, 1))], axis=1)
    x = x + causal(p["temporal"], x, "first")
    x = nearest(x, (1, 2, 2))
    x = x + causal(p["spatial"], x, "first")
    return x @ p["out"]["conv"]["kernel"][0, 0, 0] + p["out"]["conv"]["bias"]


@pytest.mark.parametrize("features", [(4, 4), (3, 5)])
def test_block_agrees_with_sums_over_taps(features):
    make = functools.partial(CosmosResidualBlock, *features)
    assert_agrees(make, block, normal(0, 2, 3, 2, 3, features[0]))


def test_attention_agrees_with_one_query_at_a_time():
    assert_agrees(functools.partial(CosmosAttention, 4), attention, normal(0, 2, 3, 2, 3, 4))


def test_changes_of_resolution_agree_with_sums_over_taps():
    assert_agrees(functools.partial(CosmosDownsample, 3), down, normal(0, 1, 5, 4, 6, 3))
    assert_agrees(functools.partial(CosmosUpsample, 3), up, normal(0, 1, 3, 2, 3, 3))


def test_the_ends_agree_with_sums_over_taps():
    assert_agrees(functools.partial(CosmosConv3D, 3, 4), conv, normal(0, 1, 3, 2, 3, 3))

    def head(p, x):
        return conv(p["conv"], silu(norm(p["norm"], x)))

    assert_agrees(functools.partial(CosmosHead, 4, 3), head, normal(0, 1, 3, 2, 3, 4))


def test_no_layer_sees_a_later_frame():
    rngs = nnx.Rngs(0)
    x = normal(0, 1, 5, 4, 4, 3)
    for layer in (CosmosResidualBlock(3, 4, rngs=rngs), CosmosAttention(3, rngs=rngs)):
        sees_no_later_frame(layer, x, 3, 3)
    sees_no_later_frame(CosmosDownsample(3, rngs=rngs), x, 3, 2)
    sees_no_later_frame(CosmosUpsample(3, rngs=rngs), x, 3, 5)


def test_the_published_layers_have_their_parameters():
    def count(layer, name):
        return parameter_count(lambda: layer(**find(name).options, rngs=nnx.Rngs(0)))

    conv = 9 * 256 * 256 + 256 + 3 * 256 * 256 + 256
    residual = 2 * (2 * 256 + conv)
    assert count(CosmosResidualBlock, "cosmos-tokenizer-residual") == residual == 1_574_912
    attention = 2 * (2 * 512 + 4 * (512 * 512 + 512))
    assert count(CosmosAttention, "cosmos-tokenizer-attention") == attention
