"""Space-time blocks against loops over frames, places and moments."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import attend, layer_norm, linear, mlp, parameter_count, project
from reelbench.layers.spacetime import MaskedTokenEmbedding, STBlock, TokenLogits

WIDTH, HEADS, HIDDEN = 12, 2, 20


def attention(p, x, last, scale):
    """Self-attention of one sequence in which token i sees tokens up to `last(i)`."""
    query, key, value = project(p, x, HEADS)
    if "norm" in p:
        query, key = layer_norm(p["norm"], query, 1e-5), layer_norm(p["norm"], key, 1e-5)
    rows = []
    for i in range(len(x)):
        seen = slice(0, last(i) + 1)
        rows.append(
            np.concatenate(
                [
                    attend(query[h, i : i + 1], key[h, seen], value[h, seen], scale=scale)[0]
                    for h in range(HEADS)
                ]
            )
        )
    return linear(p["proj"], np.stack(rows))


def block(p, x, scale=None):
    pre_norm = "norm1" in p
    out = x.copy()
    _, t, s, _ = x.shape
    for clip in out:
        for frame in range(t):
            tokens = layer_norm(p["norm1"], clip[frame], 1e-5) if pre_norm else clip[frame]
            clip[frame] += attention(p["spatial_attn"], tokens, lambda _: s - 1, scale)
        for place in range(s):
            clip[:, place] += attention(p["temporal_attn"], clip[:, place], lambda i: i, scale)
    return out + mlp(p["mlp"], layer_norm(p["norm2"], out, 1e-5) if pre_norm else out)


@pytest.mark.parametrize(
    ("options", "scale"),
    [({}, None), ({"qk_norm": True, "use_mup": True, "head_dim": 5}, 8 / 5)],
    ids=["1x", "qk-norm"],
)
def test_st_block_agrees_with_loops(options, scale):
    make = functools.partial(STBlock, WIDTH, HEADS, HIDDEN, **options)
    assert_agrees(make, functools.partial(block, scale=scale), normal(0, 2, 4, 5, WIDTH))


def test_st_block_is_causal_in_time():
    layer = STBlock(WIDTH, HEADS, HIDDEN, rngs=nnx.Rngs(0))
    x = normal(1, 1, 6, 4, WIDTH).astype(np.float32)
    changed = x.copy()
    changed[:, 3] += 1
    graph, state = nnx.split(layer)
    call = jax.jit(lambda s, x: nnx.merge(graph, s)(x))
    before, after = np.asarray(call(state, x)), np.asarray(call(state, changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (np.abs(before - after)[:, 3:].max(axis=(0, 2, 3)) > 1e-4).all()


class _Ends(nnx.Module):
    def __init__(self, **kinds):
        self.embedding = MaskedTokenEmbedding(
            3, 4, digits=2, frames=2, places=3, num_actions=2, **kinds
        )
        self.logits = TokenLogits(4, 3, digits=2, **kinds)

    def __call__(self, tokens, actions):
        return self.logits(self.embedding(tokens, actions))


def test_embedding_and_logits_agree_with_loops():
    """Numbers of two digits of base 3; nine is the mask."""
    tokens = np.asarray([[[0, 5, 9], [9, 8, 3]], [[7, 2, 1], [6, 4, 9]]])
    actions = np.asarray([[0, 1], [1, 1]])

    def oracle(p, tokens, actions):
        e = p["embedding"]
        out = np.zeros((2, 2, 3, 2, 3))
        for clip, t, s in np.ndindex(2, 2, 3):
            high, low = divmod(tokens[clip, t, s], 3)
            x = (
                e["mask"]
                if high == 3
                else sum(e["embeds"][i]["embedding"][digit] for i, digit in enumerate((low, high)))
            )
            x = x + e["actions"]["embedding"][actions[clip, t]] + e["positions"][t, s]
            out[clip, t, s] = linear(p["logits"]["proj"], x).reshape(2, 3)
        return out

    assert_agrees(_Ends, oracle, tokens, actions)


def test_parameters_of_1x_and_genie():
    def attention_of(width, inner):
        return width * 3 * inner + inner * width + width

    def mlp_of(width, hidden):
        return width * hidden + hidden + hidden * width + width

    onex = 2 * 2 * 256 + 2 * attention_of(256, 256) + mlp_of(256, 1024)
    assert parameter_count("1x-st") == onex
    genie = 2 * (attention_of(5120, 36 * 128) + 2 * 128) + mlp_of(5120, 20480)
    assert parameter_count("genie-st") == genie
