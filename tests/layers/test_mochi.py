"""The block of Mochi and its embeddings against plain NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import attend, linear, parameter_count
from layers.numpy_denoising import (
    Joined,
    joined,
    mix,
    project,
    rms,
    rms_scaled,
    silu,
    time_embedding,
    turn,
)
from reelbench.layers.mochi import MochiBlock, MochiConditioning, MochiEmbedding

WIDTH, TEXT, HEADS, MLP, TEXT_MLP = 8, 6, 2, 10, 7


def gated(p, x):
    values, gates = np.split(linear(p["expand"], x), 2, axis=-1)
    return linear(p["contract"], values * silu(gates))


def block(p, x, text, conditioning, angles):
    outputs = [], []
    for video, words, step in zip(x, text, silu(conditioning), strict=True):
        scale1, gate1, scale2, gate2 = np.split(linear(p["modulation"], step), 4)
        steps = linear(p["text_modulation"], step).reshape(-1, TEXT)
        h = rms(video) * (1 + scale1)
        query, key, value = project(p["video"], h, h, HEADS, rms_scaled(1e-5))
        h = rms(words) * (1 + steps[0])
        others = project(p["text"], h, h, HEADS, rms_scaled(1e-5))
        own = turn(query, angles), turn(key, angles), value
        found = mix(*(np.concatenate(pair) for pair in zip(own, others, strict=True)))
        y = video + rms(linear(p["video"]["out"], found[: len(video)])) * np.tanh(gate1)
        y = y + rms(gated(p["mlp"], rms(y) * (1 + scale2))) * np.tanh(gate2)
        if len(steps) > 1:
            added = linear(p["text"]["out"], found[len(video) :])
            words = words + rms(added) * np.tanh(steps[1])
            words = words + rms(gated(p["text_mlp"], rms(words) * (1 + steps[2]))) * np.tanh(
                steps[3]
            )
        outputs[0].append(y)
        outputs[1].append(words)
    return tuple(np.array(each) for each in outputs)


@pytest.mark.parametrize("updates_text", [True, False])
def test_mochi_block_agrees_with_loops_over_heads(updates_text):
    layer = functools.partial(
        MochiBlock, WIDTH, TEXT, HEADS, MLP, TEXT_MLP, updates_text=updates_text
    )
    shapes = (2, 5, WIDTH), (2, 3, TEXT), (2, WIDTH), (5, HEADS, 2)
    inputs = [normal(i, *shape) for i, shape in enumerate(shapes)]
    assert_agrees(functools.partial(Joined, layer), joined(block), *inputs)


def test_angles_are_learned_frequencies_times_places_about_the_centre():
    def oracle(p, x):
        grid, far = (3, 2, 3), 5.0 / np.sqrt(2 * 3)
        tokens, angles = [], []
        for t, h, w in np.ndindex(*grid):
            piece = x[:, t : t + 1, 2 * h : 2 * h + 2, 2 * w : 2 * w + 2].reshape(len(x), -1)
            tokens.append(piece @ p["proj"]["kernel"].reshape(-1, WIDTH) + p["proj"]["bias"])
            place = np.array([t, (h - 0.5) * far, (w - 1) * far])
            angles.append(np.tensordot(place, p["frequencies"], 1))
        return np.stack(tokens, axis=1), np.array(angles)

    layer = functools.partial(MochiEmbedding, 3, WIDTH, HEADS, side=5.0)
    assert_agrees(functools.partial(Joined, layer), joined(oracle), normal(0, 2, 3, 4, 6, 3))


def test_text_is_pooled_by_its_mean_token():
    def oracle(p, steps, text):
        vectors = []
        for step, words in zip(steps, text, strict=True):
            tokens = np.concatenate([words.mean(0, keepdims=True), words])
            query, key, value = (
                linear(p[name], tokens).reshape(len(tokens), 2, -1)
                for name in ("query", "key", "value")
            )
            pooled = [attend(query[:1, h], key[:, h], value[:, h])[0] for h in range(2)]
            vector = linear(p["out"], np.concatenate(pooled))
            vectors.append(time_embedding(p["timestep"], step, 256) + vector)
        return np.array(vectors), linear(p["text"], text)

    layer = functools.partial(MochiConditioning, 4, WIDTH, TEXT, num_heads=2)
    make = functools.partial(Joined, layer)
    assert_agrees(make, joined(oracle), normal(0, 2), normal(1, 2, 3, 4))


def test_hidden_text_is_as_good_as_none():
    streams = nnx.Rngs(0)
    module = MochiBlock(WIDTH, TEXT, HEADS, MLP, TEXT_MLP, rngs=streams)
    pool = MochiConditioning(4, WIDTH, TEXT, num_heads=2, rngs=streams)
    shapes = (5, WIDTH), (4, 4), ()
    x, text, step = (jnp.asarray(normal(i, 1, *s), jnp.float32) for i, s in enumerate(shapes))
    angles = jnp.ones((5, HEADS, 2))

    @jax.jit
    def video(text, mask):
        conditioning, words = pool(step, text, mask)
        return module(x, words, conditioning, angles, mask)[0]

    mask = jnp.arange(4)[None] < 2
    np.testing.assert_allclose(video(text, mask), video(text[:, :2], mask[:, :2]), atol=1e-5)


def test_parameters_of_the_block():
    width, text = 3072, 1536
    modulations = (width + 1) * 4 * (width + text)
    video = 3 * width * width + (width + 1) * width + 2 * 128
    words = 3 * text * width + (width + 1) * text + 2 * 128
    mlps = 3 * width * 8192 + 3 * text * 4096
    assert parameter_count("mochi-1-block") == modulations + video + words + mlps
