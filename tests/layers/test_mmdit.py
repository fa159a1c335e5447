"""The blocks of HunyuanVideo against plain NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import gelu_tanh, linear, parameter_count
from layers.numpy_denoising import (
    Joined,
    clip_by_clip,
    feed_forward,
    joined,
    lattice_angles,
    mix,
    project,
    rms_scaled,
    silu,
    standardise,
    turn,
)
from reelbench.layers.mmdit import HunyuanDualBlock, HunyuanSingleBlock

WIDTH, HEADS, MLP = 16, 2, 12
GRID, AXES = (3, 2, 2), (2, 4, 2)
SIZES = {"rotary_features": AXES, "theta": 256.0}


def angles():
    return lattice_angles(GRID, (1, 2, 1), 256.0)


def dual(p, x, text, conditioning):
    streams = []
    for name, tokens in (("video", x), ("text", text)):
        steps = np.split(linear(p[f"{name}_modulation"], silu(conditioning)), 6)
        h = standardise(tokens) * (1 + steps[1]) + steps[0]
        streams.append([*project(p[name], h, h, HEADS, rms_scaled(1e-6)), steps])
    for i in range(2):
        streams[0][i] = turn(streams[0][i], angles())
    found = mix(*(np.concatenate([streams[0][i], streams[1][i]]) for i in range(3)))
    outputs = []
    cut = {"video": found[: len(x)], "text": found[len(x) :]}
    for name, tokens, (*_, steps) in zip(cut, (x, text), streams, strict=True):
        y = tokens + steps[2] * linear(p[name]["out"], cut[name])
        h = standardise(y) * (1 + steps[4]) + steps[3]
        outputs.append(y + steps[5] * feed_forward(p[f"{name}_mlp"], h))
    return tuple(outputs)


def single(p, x, conditioning):
    shift, scale, gate = np.split(linear(p["modulation"], silu(conditioning)), 3)
    h = standardise(x) * (1 + scale) + shift
    query, key, value = project(p["attention"], h, h, HEADS, rms_scaled(1e-6))
    for y in (query, key):
        y[:12] = turn(y[:12], angles())
    both = np.concatenate([mix(query, key, value), gelu_tanh(linear(p["expand"], h))], axis=-1)
    return x + gate * linear(p["out"], both)


def test_dual_block_agrees_with_loops_over_heads():
    block = functools.partial(HunyuanDualBlock, WIDTH, HEADS, MLP, GRID, **SIZES)
    inputs = normal(0, 2, 12, WIDTH), normal(1, 2, 5, WIDTH), normal(2, 2, WIDTH)
    assert_agrees(functools.partial(Joined, block), joined(clip_by_clip(dual)), *inputs)


def test_single_block_agrees_with_loops_over_heads():
    make = functools.partial(HunyuanSingleBlock, WIDTH, HEADS, MLP, GRID, **SIZES)
    assert_agrees(make, clip_by_clip(single), normal(0, 2, 17, WIDTH), normal(1, 2, WIDTH))


@pytest.mark.parametrize("kind", ["dual", "single"])
def test_hidden_text_is_as_good_as_none(kind):
    shapes = (12, WIDTH), (5, WIDTH), (WIDTH,)
    x, text, steps = (jnp.asarray(normal(i, 1, *s), jnp.float32) for i, s in enumerate(shapes))
    layer = {"dual": HunyuanDualBlock, "single": HunyuanSingleBlock}[kind]
    module = layer(WIDTH, HEADS, MLP, GRID, **SIZES, rngs=nnx.Rngs(0))

    @jax.jit
    def video(text, mask):
        if kind == "dual":
            return module(x, text, steps, mask)[0]
        return module(jnp.concatenate([x, text], axis=1), steps, mask)[:, :12]

    mask = jnp.arange(5)[None] < 3
    np.testing.assert_allclose(video(text, mask), video(text[:, :3], mask[:, :3]), atol=1e-5)
    assert np.abs(video(text, mask) - video(text, mask | True)).max() > 1e-4


def test_parameters_of_the_blocks():
    width = 3072
    mlp = (width + 1) * 4 * width + (4 * width + 1) * width
    attention = 4 * (width + 1) * width + 2 * 128
    stream = (width + 1) * 6 * width + attention + mlp
    assert parameter_count("hunyuanvideo-dual-block") == 2 * stream
    into = (width + 1) * 3 * width + 2 * 128 + (width + 1) * 4 * width
    out = (width + 4 * width + 1) * width
    assert parameter_count("hunyuanvideo-single-block") == (width + 1) * 3 * width + into + out
