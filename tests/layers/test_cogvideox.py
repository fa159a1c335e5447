"""The block of CogVideoX, its embedding and its head against plain NumPy."""

import functools
import math

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm, linear, parameter_count
from layers.numpy_denoising import (
    Joined,
    clip_by_clip,
    feed_forward,
    joined,
    lattice_angles,
    mix,
    project,
    silu,
    turn,
)
from reelbench.layers.cogvideox import CogVideoXBlock, CogVideoXEmbedding, CogVideoXHead

WIDTH, HEADS, MLP = 32, 2, 12  # eight pairs in a head: two turn with time, three with each other
GRID = (3, 2, 2)


def block(p, x, text, conditioning, rotary):
    def norm(q, y):
        return layer_norm(q, y, 1e-6)

    def modulated(i):
        steps = np.split(linear(p[f"modulation{i}"], silu(conditioning)), 6)
        h = layer_norm(p[f"norm{i}"], x, 1e-5) * (1 + steps[1]) + steps[0]
        words = layer_norm(p[f"norm{i}"], text, 1e-5) * (1 + steps[4]) + steps[3]
        return np.concatenate([words, h]), steps[2], steps[5]

    h, gate, text_gate = modulated(1)
    query, key, value = project(p["attention"], h, h, HEADS, norm)
    if rotary:
        for y in (query, key):
            y[len(text) :] = turn(y[len(text) :], lattice_angles(GRID, (2, 3, 3), 10_000.0))
    found = linear(p["attention"]["out"], mix(query, key, value))
    x, text = x + gate * found[len(text) :], text + text_gate * found[: len(text)]
    h, gate, text_gate = modulated(2)
    h = feed_forward(p["mlp"], h)
    return x + gate * h[len(text) :], text + text_gate * h[: len(text)]


@pytest.mark.parametrize("rotary", [True, False])
def test_cogvideox_block_agrees_with_loops_over_heads(rotary):
    make = functools.partial(
        CogVideoXBlock, WIDTH, HEADS, MLP, GRID, conditioning_features=6, rotary=rotary
    )
    oracle = joined(clip_by_clip(functools.partial(block, rotary=rotary)))
    inputs = normal(0, 2, 12, WIDTH), normal(1, 2, 5, WIDTH), normal(2, 2, 6)
    assert_agrees(functools.partial(Joined, make), oracle, *inputs)


def wave(position, width):
    turned = [position * 10_000 ** (-i / (width // 2)) for i in range(width // 2)]
    return [math.sin(a) for a in turned] + [math.cos(a) for a in turned]


def test_the_embedding_agrees_with_a_product_a_patch_and_a_sinusoid_a_place():
    def oracle(p, x, text):
        tokens = []
        for t, h, w in np.ndindex(*GRID):
            piece = x[:, t : t + 1, 2 * h : 2 * h + 2, 2 * w : 2 * w + 2].reshape(len(x), -1)
            token = piece @ p["proj"]["kernel"].reshape(-1, 16) + p["proj"]["bias"]
            tokens.append(token + np.array(wave(t, 4) + wave(w / 1.5, 6) + wave(h / 1.5, 6)))
        return np.stack(tokens, axis=1), linear(p["text"], text)

    layer = functools.partial(CogVideoXEmbedding, 3, 5, 16, positions=True, spatial_scale=1.5)
    make = functools.partial(Joined, layer)
    assert_agrees(make, joined(oracle), normal(0, 2, 3, 4, 4, 3), normal(1, 2, 4, 5))


def test_the_head_normalises_twice():
    def oracle(p, x, conditioning):
        shift, scale = np.split(linear(p["modulation"], silu(conditioning)), 2)
        h = layer_norm(p["norm2"], layer_norm(p["norm1"], x, 1e-5), 1e-5)
        return linear(p["proj"], h * (1 + scale) + shift)

    make = functools.partial(CogVideoXHead, 6, 5, conditioning_features=3)
    assert_agrees(make, clip_by_clip(oracle), normal(0, 2, 4, 6), normal(1, 2, 3))


@pytest.mark.parametrize(("name", "width"), [("cogvideox-2b", 1920), ("cogvideox-5b", 3072)])
def test_parameters_of_the_blocks(name, width):
    modulation = (512 + 1) * 6 * width + 2 * width
    attention = 4 * (width + 1) * width + 2 * 2 * 64
    mlp = (width + 1) * 4 * width + (4 * width + 1) * width
    assert parameter_count(f"{name}-block") == 2 * modulation + attention + mlp
