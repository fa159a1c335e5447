"""The block of Cosmos and its embeddings against plain NumPy."""

import functools

import numpy as np

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import linear, parameter_count
from layers.numpy_denoising import (
    Joined,
    exact_feed_forward,
    joined,
    lattice_angles,
    mix,
    project,
    rms,
    rms_scaled,
    silu,
    sinusoid,
    standardise,
    turn_halves,
)
from reelbench.layers.cosmos import CosmosBlock, CosmosEmbedding, CosmosTimestep

WIDTH, HEADS, MLP = 24, 2, 12  # six pairs in a head, two for each axis
GRID, STRETCH = (3, 2, 2), (2.0, 1.0, 3.0)


def block(p, x, text, embedded, modulation, position):
    # The slower of two pairs turns at a rate of 1 / base^(1/2); two pairs stretch as stretch^(2/1).
    bases = tuple(10_000.0 * stretch**2 for stretch in STRETCH)
    angles = lattice_angles(GRID, (2, 2, 2), bases)
    norm = rms_scaled(1e-5)
    clips = []
    for tokens, words, step, shared in zip(x, text, embedded, modulation, strict=True):
        steps = [
            np.split(linear(low["up"], linear(low["down"], silu(step))) + shared, 3)
            for low in (p["modulations"][i] for i in range(3))
        ]
        y = tokens + position
        (shift, scale, gate), attention = steps[0], p["self_attention"]
        h = standardise(y) * (1 + scale) + shift
        query, key, value = project(attention, h, h, HEADS, norm)
        found = mix(turn_halves(query, angles), turn_halves(key, angles), value)
        y = y + gate * linear(attention["out"], found)
        (shift, scale, gate), attention = steps[1], p["cross_attention"]
        h = standardise(y) * (1 + scale) + shift
        found = mix(*project(attention, h, words, HEADS, norm))
        y = y + gate * linear(attention["out"], found)
        shift, scale, gate = steps[2]
        h = standardise(y) * (1 + scale) + shift
        clips.append(y + gate * exact_feed_forward(p["mlp"], h))
    return np.array(clips)


def test_cosmos_block_agrees_with_loops_over_heads():
    make = functools.partial(
        CosmosBlock,
        WIDTH,
        HEADS,
        MLP,
        GRID,
        text_features=5,
        modulation_features=3,
        rope_scale=STRETCH,
    )
    shapes = (2, 12, WIDTH), (2, 4, 5), (2, WIDTH), (2, 3 * WIDTH), (12, WIDTH)
    assert_agrees(make, block, *(normal(i, *shape) for i, shape in enumerate(shapes)))


def test_the_embedding_agrees_with_a_product_a_patch_and_places_every_token():
    def oracle(p, x):
        kernel, tables = p["proj"]["kernel"], p["tables"]
        tokens, places = [], []
        for t, h, w in np.ndindex(*GRID):
            piece = x[:, t : t + 1, 2 * h : 2 * h + 2, 2 * w : 2 * w + 2]
            tokens.append(piece.reshape(len(x), -1) @ kernel.reshape(-1, 6))
            place = tables[0][t] + tables[1][h] + tables[2][w]
            places.append(place / (np.sqrt((place**2).mean()) + 1e-6))
        return np.stack(tokens, axis=1), np.array(places)

    make = functools.partial(Joined, functools.partial(CosmosEmbedding, 3, 6, longest=(4, 3, 3)))
    assert_agrees(make, joined(oracle), normal(0, 2, 3, 4, 4, 3))


def test_the_step_is_a_normalised_sinusoid_and_a_modulation():
    def oracle(p, steps):
        waves = np.array([sinusoid(step, 6) for step in steps])
        embedded = rms(waves) * p["norm"]["scale"]
        return embedded, linear(p["contract"], silu(linear(p["expand"], waves)))

    make = functools.partial(Joined, functools.partial(CosmosTimestep, 6))
    assert_agrees(make, joined(oracle), normal(0, 2))


def test_parameters_of_the_block():
    width = 4096
    self_attention = 4 * width * width + 2 * 128
    cross_attention = 2 * width * width + 2 * 1024 * width + 2 * 128
    modulations = 3 * (width * 256 + 256 * 3 * width)
    whole = self_attention + cross_attention + modulations + 2 * width * 4 * width
    assert parameter_count("cosmos-1.0-7b-block") == whole
