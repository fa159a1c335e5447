"""The block of Step-Video-T2V and its text projections against plain NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm, linear, parameter_count
from layers.numpy_denoising import (
    clip_by_clip,
    feed_forward,
    lattice_angles,
    mix,
    project,
    rms_scaled,
    standardise,
    turn_halves,
)
from reelbench.layers.stepvideo import StepVideoBlock, StepVideoText

WIDTH, HEADS, MLP = 16, 2, 12  # of a head's eight features four turn with time
GRID = (3, 2, 2)


def rotate(x):
    """Each axis turns its own features, the first half of them with the second."""
    angles = lattice_angles(GRID, (2, 1, 1), 10_000.0)
    parts = (
        (x[..., :4], angles[..., :2]),
        (x[..., 4:6], angles[..., 2:3]),
        (x[..., 6:], angles[..., 3:]),
    )
    return np.concatenate([turn_halves(*part) for part in parts], axis=-1)


def block(p, x, text, modulation):
    shift1, scale1, gate1, shift2, scale2, gate2 = p["scale_shift_table"] + modulation
    norm = rms_scaled(1e-6)
    h = layer_norm(p["norm1"], x, 1e-5) * (1 + scale1) + shift1
    query, key, value = project(p["self_attention"], h, h, HEADS, norm)
    x = x + gate1 * linear(p["self_attention"]["out"], mix(rotate(query), rotate(key), value))
    found = mix(*project(p["cross_attention"], x, text, HEADS, norm))
    x = x + linear(p["cross_attention"]["out"], found)
    h = layer_norm(p["norm2"], x, 1e-5) * (1 + scale2) + shift2
    return x + gate2 * feed_forward(p["mlp"], h)


def test_step_video_block_agrees_with_loops_over_heads():
    make = functools.partial(StepVideoBlock, WIDTH, HEADS, MLP, GRID)
    inputs = normal(0, 2, 12, WIDTH), normal(1, 2, 5, WIDTH), normal(2, 2, 6, WIDTH)
    assert_agrees(make, clip_by_clip(block), *inputs)


def test_clip_comes_before_the_normalised_text():
    def oracle(p, text, clip):
        projected = feed_forward(p["text"]["mlp"], standardise(text))
        return np.concatenate([linear(p["clip"], clip), projected])

    make = functools.partial(StepVideoText, 5, 3, 4)
    assert_agrees(make, clip_by_clip(oracle), normal(0, 2, 4, 5), normal(1, 2, 2, 3))


def test_hidden_text_is_as_good_as_none():
    module = StepVideoBlock(WIDTH, HEADS, MLP, GRID, rngs=nnx.Rngs(0))
    shapes = (12, WIDTH), (5, WIDTH), (6, WIDTH)
    x, text, steps = (jnp.asarray(normal(i, 1, *s), jnp.float32) for i, s in enumerate(shapes))
    hidden = jax.jit(module)(x, text, steps, jnp.arange(5)[None] < 3)
    np.testing.assert_allclose(hidden, jax.jit(module)(x, text[:, :3], steps), atol=1e-5)


def test_parameters_of_the_block():
    width = 6144
    attention = 4 * width * width + 2 * 128
    mlp = 2 * width * 24_576
    assert parameter_count("step-video-block") == 2 * attention + mlp + 4 * width + 6 * width
