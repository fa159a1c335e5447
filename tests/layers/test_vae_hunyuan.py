"""Blocks of the HunyuanVideo autoencoder against sums over taps and one query at a time."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import parameter_count
from layers.numpy_vae import causal, group_norm, linear, nearest, sees_no_later_frame, silu
from reelbench.catalogue import find
from reelbench.layers.vae import (
    HunyuanDownsample,
    HunyuanHead,
    HunyuanMiddleAttention,
    HunyuanResidualBlock,
    HunyuanUpsample,
)

GROUPS = 2


def block(p, x):
    y = causal(p["conv1"], silu(group_norm(p["norm1"], x, GROUPS)), "nearest")
    y = causal(p["conv2"], silu(group_norm(p["norm2"], y, GROUPS)), "nearest")
    return y + (causal(p["shortcut"], x) if "shortcut" in p else x)


def attention(p, x):
    """Each position looks at its own frame and at earlier ones."""
    tokens = group_norm(p["norm"], x, GROUPS)
    query, key, value = (linear(p[name], tokens) for name in ("query", "key", "value"))
    found = np.empty_like(x)
    for clip, t, h, w in np.ndindex(*x.shape[:-1]):
        past = (clip, slice(0, t + 1))
        keys, values = (seen[past].reshape(-1, x.shape[-1]) for seen in (key, value))
        weights = np.exp(keys @ query[clip, t, h, w] / np.sqrt(x.shape[-1]))
        found[clip, t, h, w] = weights @ values / weights.sum()
    return x + linear(p["out"], found)


def up(p, x):
    first, rest = nearest(x[:, :1], (1, 2, 2)), nearest(x[:, 1:], (2, 2, 2))
    return causal(p["conv"], np.concatenate([first, rest], axis=1), "nearest")


def head(p, x):
    return causal(p["conv"], silu(group_norm(p["norm"], x, GROUPS)), "nearest")


@pytest.mark.parametrize("features", [(4, 4), (4, 6)])
def test_block_agrees_with_sums_over_taps(features):
    make = functools.partial(HunyuanResidualBlock, *features, groups=GROUPS)
    assert_agrees(make, block, normal(0, 2, 3, 4, 3, 4))


def test_attention_agrees_with_one_query_at_a_time():
    make = functools.partial(HunyuanMiddleAttention, 4, groups=GROUPS)
    assert_agrees(make, attention, normal(0, 2, 3, 2, 3, 4))


def test_changes_of_resolution_agree_with_sums_over_taps():
    make = functools.partial(HunyuanDownsample, 3, (2, 2, 2))
    down = functools.partial(causal, border="nearest", strides=(2, 2, 2))
    assert_agrees(make, lambda p, x: down(p["conv"], x), normal(0, 1, 5, 4, 6, 3))
    assert_agrees(functools.partial(HunyuanUpsample, 3, (2, 2, 2)), up, normal(0, 1, 3, 2, 3, 3))


def test_the_head_agrees_with_sums_over_taps():
    make = functools.partial(HunyuanHead, 4, 3, groups=GROUPS)
    assert_agrees(make, head, normal(0, 1, 3, 2, 3, 4))


def test_only_the_norms_see_later_frames():
    rngs = nnx.Rngs(0)
    down, up = (make(3, (2, 2, 2), rngs=rngs) for make in (HunyuanDownsample, HunyuanUpsample))
    sees_no_later_frame(down, normal(0, 1, 5, 4, 4, 3), 3, 2)
    sees_no_later_frame(up, normal(0, 1, 3, 2, 2, 3), 2, 3)
    middle = HunyuanMiddleAttention(4, groups=2, rngs=rngs)
    x = jnp.asarray(normal(0, 1, 3, 2, 2, 4), jnp.float32)
    with_norm = middle(x.at[:, 2].multiply(-2))[:, :2] - middle(x)[:, :2]
    assert jnp.abs(with_norm).max() > 1e-4
    middle.norm = lambda x: x
    sees_no_later_frame(middle, x, 2, 2)


def test_the_published_layers_have_their_parameters():
    def count(layer, name):
        return parameter_count(lambda: layer(**find(name).options, rngs=nnx.Rngs(0)))

    conv = 27 * 128 * 128 + 128
    residual = 2 * (2 * 128 + conv)
    assert count(HunyuanResidualBlock, "hunyuan-vae-residual") == residual == 885_504
    attention = 2 * 512 + 4 * (512 * 512 + 512)
    assert count(HunyuanMiddleAttention, "hunyuan-vae-middle-attention") == attention
