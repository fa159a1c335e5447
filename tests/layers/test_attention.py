"""Joint attention blocks against one head of one sequence at a time."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import (
    attend,
    gelu,
    gelu_tanh,
    layer_norm,
    linear,
    mlp,
    parameter_count,
    project,
)
from reelbench.layers.attention import JointAttentionBlock

WIDTH, HEADS, HIDDEN = 24, 2, 20


def turned(head, grid, positions):
    """3-D rotary positions by complex-free loops: two angles for the channels of a pair."""
    out = head.copy()
    half = head.shape[-1] // 3 // 2
    for row, position in enumerate(positions):
        for axis, place in enumerate(np.unravel_index(position, grid)):
            for pair in range(half):
                i = axis * 2 * half + 2 * pair
                a, b = (place * 10000.0 ** (-(c % half) / half) for c in (2 * pair, 2 * pair + 1))
                x, y = head[row, i], head[row, i + 1]
                out[row, i] = x * np.cos(a) - y * np.sin(a)
                out[row, i + 1] = y * np.cos(b) + x * np.sin(b)
    return out


def block(p, x, activation=gelu, grid=None, positions=None):
    out = []
    for number, tokens in enumerate(x):
        bias = None
        if "q_bias" in p["attn"]:
            q_bias, v_bias = p["attn"]["q_bias"], p["attn"]["v_bias"]
            bias = np.concatenate([q_bias, 0 * q_bias, v_bias])
        query, key, value = project(p["attn"], layer_norm(p["norm1"], tokens, 1e-6), HEADS, bias)
        if grid is not None:
            where = range(len(tokens)) if positions is None else positions[number]
            query = [turned(head, grid, where) for head in query]
            key = [turned(head, grid, where) for head in key]
        found = [attend(query[h], key[h], value[h]) for h in range(HEADS)]
        y = tokens + linear(p["attn"]["proj"], np.concatenate(found, axis=1))
        out.append(y + mlp(p["mlp"], layer_norm(p["norm2"], y, 1e-6), activation))
    return np.stack(out)


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
    assert_agrees(make, functools.partial(block, **described), normal(0, 2, 11, WIDTH))


def test_kept_tokens_are_rotated_by_their_own_positions():
    grid, kept = (3, 2, 4), np.array([[5, 0, 23, 9], [1, 2, 8, 16]], np.int32)
    make = functools.partial(JointAttentionBlock, WIDTH, HEADS, HIDDEN, rotary_grid=grid)

    def oracle(p, x, positions):
        return block(p, x, grid=grid, positions=positions)

    assert_agrees(make, oracle, normal(0, 2, 4, WIDTH), kept)


def test_without_rotary_positions_the_order_of_tokens_does_not_matter():
    with jax.enable_x64(True):
        layer = JointAttentionBlock(
            WIDTH, HEADS, HIDDEN, dtype=np.float64, param_dtype=np.float64, rngs=nnx.Rngs(0)
        )
        x, order = normal(1, 1, 9, WIDTH), np.random.default_rng(2).permutation(9)
        np.testing.assert_allclose(layer(x)[:, order], layer(x[:, order]), atol=1e-12)


def test_parameters_of_videomae_b_and_vivit_b():
    norms, proj = 2 * 2 * 768, 768 * 768 + 768
    hidden = 768 * 3072 + 3072 + 3072 * 768 + 768
    qkv = 768 * 3 * 768
    assert parameter_count("videomae-b-joint") == norms + qkv + 2 * 768 + proj + hidden
    assert parameter_count("vivit-b-joint") == norms + qkv + 3 * 768 + proj + hidden
