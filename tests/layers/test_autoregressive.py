"""Causal blocks against loops over tokens; one token at a time against all at once."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import attend, layer_norm, linear, mlp, parameter_count, project
from reelbench.layers.autoregressive import (
    CausalBlock,
    CausalStep,
    DrivingEmbedding,
    NextTokenHead,
)

WIDTH, HEADS, HIDDEN = 6, 2, 8
FRAMES, TEXT, IMAGE, ACTIONS, WORDS = 2, 2, 3, 2, 5


def block(p, x):
    out = []
    for tokens in x:
        query, key, value = project(p["attn"], layer_norm(p["norm1"], tokens, 1e-5), HEADS)
        rows = []
        for n in range(len(tokens)):
            seen = slice(0, n + 1)
            found = [
                attend(query[h, n : n + 1], key[h, seen], value[h, seen])[0] for h in range(HEADS)
            ]
            rows.append(np.concatenate(found))
        y = tokens + linear(p["attn"]["proj"], np.stack(rows))
        out.append(y + mlp(p["mlp"], layer_norm(p["norm2"], y, 1e-5)))
    return np.stack(out)


def test_causal_block_agrees_with_loops():
    make = functools.partial(CausalBlock, WIDTH, HEADS, HIDDEN)
    assert_agrees(make, block, normal(0, 2, 5, WIDTH))


def test_a_token_does_not_see_the_future():
    layer = jax.jit(CausalBlock(WIDTH, HEADS, HIDDEN, rngs=nnx.Rngs(0)))
    x = normal(1, 1, 7, WIDTH).astype(np.float32)
    changed = x.copy()
    changed[:, 4, 0] += 1  # one channel: a shift of all is nothing to a LayerNorm
    moved = np.abs(layer(x) - layer(changed)).max(axis=(0, 2))
    assert (moved[:4] == 0).all()
    assert (moved[4:] > 1e-6).all()


def test_one_token_at_a_time_is_all_at_once():
    whole = CausalBlock(WIDTH, HEADS, HIDDEN, rngs=nnx.Rngs(0))
    step = CausalStep(WIDTH, HEADS, HIDDEN, rngs=nnx.Rngs(1))
    nnx.update(step, nnx.state(whole))
    x = jnp.asarray(normal(2, 2, 5, WIDTH), jnp.float32)
    expected = jax.jit(whole)(x)
    _, keys, values = whole.attn.split(whole.norm1(x))
    one = jax.jit(step)
    for n in (0, 1, 4):
        got = one(x[:, n : n + 1], keys[:, :n], values[:, :n])
        np.testing.assert_allclose(got[:, 0], expected[:, n], rtol=1e-4, atol=1e-5)


def embedded(p, text, image, actions):
    clips = []
    for clip in range(len(text)):
        tokens = []
        for t in range(FRAMES):
            frame = [linear(p["text"], word) for word in text[clip, t]]
            frame += [p["image"]["embedding"][number] for number in image[clip, t]]
            frame += [
                value * p["action_scale"][a] + p["action_shift"][a]
                for a, value in enumerate(actions[clip, t])
            ]
            tokens += [x + p["times"][t] + p["places"][i] for i, x in enumerate(frame)]
        clips.append(np.stack(tokens))
    return np.stack(clips)


class _Ends(nnx.Module):
    def __init__(self, **kinds):
        self.embedding = DrivingEmbedding(
            WORDS,
            WIDTH,
            frames=FRAMES,
            image_tokens=IMAGE,
            text_tokens=TEXT,
            text_features=4,
            actions=ACTIONS,
            **kinds,
        )
        self.head = NextTokenHead(WIDTH, WORDS, **kinds)

    def __call__(self, text, image, actions):
        return self.head(self.embedding(text, image, actions))


def test_embedding_and_head_agree_with_loops():
    def oracle(p, *inputs):
        x = layer_norm(p["head"]["norm"], embedded(p["embedding"], *inputs), 1e-5)
        return linear(p["head"]["logits"], x)

    image = np.random.default_rng(3).integers(0, WORDS, (2, FRAMES, IMAGE))
    inputs = normal(4, 2, FRAMES, TEXT, 4), image, normal(5, 2, FRAMES, ACTIONS)
    assert_agrees(_Ends, oracle, *inputs)


def test_parameters_of_gaia_1():
    attention = 4096 * 3 * 4096 + 3 * 4096 + 4096 * 4096 + 4096
    hidden = 4096 * 16384 + 16384 + 16384 * 4096 + 4096
    for name in ("gaia-1-causal", "gaia-1-step"):
        assert parameter_count(name) == 2 * 2 * 4096 + attention + hidden
