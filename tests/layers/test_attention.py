"""Joint attention blocks against one head of one sequence at a time."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import (
    attend,
    gelu_tanh,
    layer_norm,
    linear,
    mlp,
    parameter_count,
)
from layers.numpy_tokens import block
from reelbench.layers.attention import (
    AttentivePooler,
    ClassifierHead,
    CrossAttentionBlock,
    FrameAttentionBlock,
    JointAttentionBlock,
    TokenNorm,
)

WIDTH, HEADS, HIDDEN = 24, 2, 20


@pytest.mark.parametrize(
    ("options", "described"),
    [
        ({}, {}),
        ({"qkv_bias": True, "gelu": "tanh"}, {"activation": gelu_tanh}),
        ({"qkv_bias": True, "rotary_grid": (2, 3, 2)}, {"grid": (2, 3, 2)}),
    ],
    ids=["videomae", "vivit", "vjepa2"],
)
def test_joint_block_agrees_head_by_head(options, described):
    make = functools.partial(JointAttentionBlock, WIDTH, HEADS, HIDDEN, **options)
    assert_agrees(make, functools.partial(block, heads=HEADS, **described), normal(0, 2, 11, WIDTH))


def test_kept_tokens_are_rotated_by_their_own_positions():
    grid, kept = (3, 2, 4), np.array([[5, 0, 23, 9], [1, 2, 8, 16]], np.int32)
    make = functools.partial(JointAttentionBlock, WIDTH, HEADS, HIDDEN, rotary_grid=grid)

    def oracle(p, x, positions):
        return block(p, x, HEADS, grid=grid, positions=positions)

    assert_agrees(make, oracle, normal(0, 2, 4, WIDTH), kept)


def test_without_rotary_positions_the_order_of_tokens_does_not_matter():
    with jax.enable_x64(True):
        layer = JointAttentionBlock(
            WIDTH, HEADS, HIDDEN, dtype=np.float64, param_dtype=np.float64, rngs=nnx.Rngs(0)
        )
        x, order = normal(1, 1, 9, WIDTH), np.random.default_rng(2).permutation(9)
        np.testing.assert_allclose(layer(x)[:, order], layer(x[:, order]), atol=1e-12)


def test_frames_are_mixed_one_by_one():
    make = functools.partial(FrameAttentionBlock, WIDTH, HEADS, HIDDEN)

    def oracle(p, x):
        return np.stack([block(p["block"], clip, HEADS) for clip in x])

    assert_agrees(make, oracle, normal(0, 2, 3, 4, WIDTH))


def cross(p, queries, x):
    out = []
    for asking, tokens in zip(queries, x, strict=True):
        split = functools.partial(np.split, indices_or_sections=HEADS, axis=1)
        key, value = np.split(linear(p["kv"], layer_norm(p["norm1"], tokens, 1e-5)), 2, axis=1)
        heads = zip(split(linear(p["q"], asking)), split(key), split(value), strict=True)
        y = asking + np.concatenate([attend(*head) for head in heads], axis=1)
        out.append(y + mlp(p["mlp"], layer_norm(p["norm2"], y, 1e-5)))
    return np.stack(out)


def test_queries_attend_to_normalised_tokens():
    make = functools.partial(CrossAttentionBlock, WIDTH, HEADS, HIDDEN)
    assert_agrees(make, cross, normal(0, 2, 3, WIDTH), normal(1, 2, 7, WIDTH))


def test_a_pooler_is_cross_attention_of_learned_queries():
    make = functools.partial(AttentivePooler, WIDTH, HEADS, HIDDEN, num_queries=2)

    def oracle(p, x):
        return cross(p["block"], np.stack([p["queries"]] * len(x)), x)

    assert_agrees(make, oracle, normal(0, 2, 7, WIDTH))


@pytest.mark.parametrize("pool", ["first", "mean", "mean-after-norm"])
def test_a_head_classifies_one_vector(pool):
    def oracle(p, x):
        if pool == "mean-after-norm":
            vector = layer_norm(p["norm"], x, 1e-6).mean(axis=1)
        else:
            vector = layer_norm(p["norm"], x[:, 0] if pool == "first" else x.mean(axis=1), 1e-6)
        return linear(p["fc"], vector)

    make = functools.partial(ClassifierHead, WIDTH, 5, pool=pool)
    assert_agrees(make, oracle, normal(0, 2, 7, WIDTH))


def test_the_last_norm_is_a_layer_norm_of_each_token():
    make = functools.partial(TokenNorm, WIDTH)
    assert_agrees(make, lambda p, x: layer_norm(p["norm"], x, 1e-6), normal(0, 2, 7, WIDTH))


def test_parameters_of_the_probe_of_vjepa2_l():
    attention, hidden = 3 * (1024**2 + 1024), 1024 * 4096 + 4096 + 4096 * 1024 + 1024
    block = 2 * 2 * 1024 + attention + hidden
    assert parameter_count("vjepa2-cross") == block
    assert parameter_count("vjepa2-attentive-pooler") == 1024 + block


def test_parameters_of_vjepa2_g():
    norms, attention = 2 * 2 * 1408, 3 * (1408**2 + 1408) + 1408**2 + 1408
    hidden = 1408 * 6144 + 6144 + 6144 * 1408 + 1408
    assert parameter_count("vjepa2-g-rope") == norms + attention + hidden


def test_parameters_of_videomae_b_and_vivit_b():
    norms, proj = 2 * 2 * 768, 768 * 768 + 768
    hidden = 768 * 3072 + 3072 + 3072 * 768 + 768
    qkv = 768 * 3 * 768
    assert parameter_count("videomae-b-joint") == norms + qkv + 2 * 768 + proj + hidden
    assert parameter_count("vivit-b-joint") == norms + qkv + 3 * 768 + proj + hidden
