"""The block of LTX-Video against plain NumPy."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from layers.agreement import TOLERANCE, assert_agrees, normal
from layers.numpy_attention import linear, parameter_count
from layers.numpy_denoising import clip_by_clip, feed_forward, mix, rms, turn
from reelbench.layers.ltx import LTXBlock

WIDTH, HEADS, MLP = 16, 2, 12  # eight pairs: two turn with each axis, two not at all
GRID = (3, 2, 2)


def angles(grid, spacing):
    """Angles of all pairs of a token, those of every head one after the other."""
    found = []
    for position in np.ndindex(*grid):
        token = [0.0, 0.0]
        for i in range(2):
            for place, step, whole in zip(position, spacing, (20, 2048, 2048), strict=True):
                fraction = 2 * place * step / whole - 1
                token.append(fraction * 10_000**i * math.pi / 2)
        found.append(token)
    return np.array(found).reshape(len(found), HEADS, -1)


def attention(p, x, source, turned=None):
    def split(y):
        return y.reshape(len(y), HEADS, -1)

    query = split(rms(linear(p["query"], x), 1e-5) * p["query_norm"]["scale"])
    key = split(rms(linear(p["key"], source), 1e-5) * p["key_norm"]["scale"])
    if turned is not None:
        query, key = turn(query, turned), turn(key, turned)
    return linear(p["out"], mix(query, key, split(linear(p["value"], source))))


def block(p, x, text, modulation, spacing):
    shift1, scale1, gate1, shift2, scale2, gate2 = p["scale_shift_table"] + modulation
    h = rms(x) * (1 + scale1) + shift1
    x = x + gate1 * attention(p["self_attention"], h, h, angles(GRID, spacing))
    x = x + attention(p["cross_attention"], x, text)
    return x + gate2 * feed_forward(p["mlp"], rms(x) * (1 + scale2) + shift2)


def test_ltx_block_agrees_with_loops_over_tokens():
    # Tokens so far apart that their turns by the fastest pair differ beyond rounding.
    spacing = (0.4, 100.0, 300.0)
    make = functools.partial(LTXBlock, WIDTH, HEADS, MLP, GRID, spacing=spacing)
    oracle = clip_by_clip(functools.partial(block, spacing=spacing))
    inputs = normal(0, 2, 12, WIDTH), normal(1, 2, 5, WIDTH), normal(2, 2, 6, WIDTH)
    # The fastest pair's angle is thousands of turns, of which float32 keeps about three decimals.
    tolerance = {**TOLERANCE, jnp.float32: 1e-3}
    assert_agrees(make, oracle, *inputs, tolerance=tolerance)


def test_hidden_text_is_as_good_as_none():
    module = LTXBlock(WIDTH, HEADS, MLP, GRID, rngs=nnx.Rngs(0))
    shapes = (12, WIDTH), (5, WIDTH), (6, WIDTH)
    x, text, steps = (jnp.asarray(normal(i, 1, *s), jnp.float32) for i, s in enumerate(shapes))
    hidden = jax.jit(module)(x, text, steps, jnp.arange(5)[None] < 3)
    np.testing.assert_allclose(hidden, jax.jit(module)(x, text[:, :3], steps), atol=1e-5)


def test_parameters_of_the_block():
    width = 2048
    attention = 4 * (width + 1) * width + 2 * width
    mlp = (width + 1) * 4 * width + (4 * width + 1) * width
    assert parameter_count("ltx-video-2b-block") == 2 * attention + mlp + 6 * width
