"""Output heads against plain NumPy, and patches laid out as clips."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import linear
from layers.numpy_denoising import clip_by_clip, silu, standardise
from reelbench.layers.denoised import CosmosHead, ModulatedHead, TableHead, unpatchify


def test_the_table_head_adds_the_step_to_its_table():
    def oracle(p, x, embedded):
        shift, scale = p["scale_shift_table"] + embedded
        return linear(p["proj"], standardise(x) * (1 + scale) + shift)

    make = functools.partial(TableHead, 6, 5)
    assert_agrees(make, clip_by_clip(oracle), normal(0, 2, 3, 6), normal(1, 2, 6))


def test_the_modulated_head_scales_first_and_shifts_second():
    def oracle(p, x, conditioning):
        scale, shift = np.split(linear(p["modulation"], silu(conditioning)), 2)
        return linear(p["proj"], standardise(x) * (1 + scale) + shift)

    make = functools.partial(ModulatedHead, 6, 5)
    assert_agrees(make, clip_by_clip(oracle), normal(0, 2, 3, 6), normal(1, 2, 6))


def test_the_head_of_cosmos_shares_two_thirds_of_the_blocks_modulation():
    def oracle(p, x, embedded, modulation):
        own = linear(p["modulation"]["up"], linear(p["modulation"]["down"], silu(embedded)))
        shift, scale = np.split(own + modulation[:12], 2)
        return linear(p["proj"], standardise(x) * (1 + scale) + shift)

    make = functools.partial(CosmosHead, 6, 5, modulation_features=3)
    inputs = normal(0, 2, 3, 6), normal(1, 2, 6), normal(2, 2, 18)
    assert_agrees(make, clip_by_clip(oracle), *inputs)


@pytest.mark.parametrize("order", ["patch first", "channels first"])
def test_patches_of_a_clip_are_laid_out_as_that_clip(order):
    grid, patch, channels = (3, 2, 4), (1, 2, 3), 5
    clip = normal(0, 2, 3, 4, 12, channels)
    tokens = []
    for t, h, w in np.ndindex(*grid):
        piece = clip[:, t : t + 1, 2 * h : 2 * h + 2, 3 * w : 3 * w + 3]
        if order == "channels first":
            piece = np.moveaxis(piece, -1, 1)
        tokens.append(piece.reshape(2, -1))
    patches = jnp.asarray(np.stack(tokens, axis=1))
    expected = np.asarray(clip, np.float32)
    np.testing.assert_array_equal(unpatchify(patches, grid, patch, order), expected)
