"""Deformable attention over cameras against a sum over every pixel of every feature map."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_driving import linear, mean_over_cameras
from reelbench import catalogue
from reelbench.layers.deformable import bilinear_sample, deformable_attention
from reelbench.layers.driving import SpatialCrossAttention

WIDTH, HEADS, POINTS = 6, 2, 4
LEVELS = ((5, 7), (3, 4))
QUERIES, CAMERAS, VISIBLE, HEIGHTS = 5, 2, 4, 2


def spatial_cross_attention(parameters, query, value, points, index) -> np.ndarray:
    def place(seen, point):
        return seen[point % HEIGHTS]

    means = [
        mean_over_cameras(parameters, *clip[:2], LEVELS, *clip[2:], HEADS, place)
        for clip in zip(query, value, points, index, strict=True)
    ]
    return query + linear(parameters["out"], np.array(means))


def inputs(*, index: list[list[int]]) -> tuple[np.ndarray, ...]:
    tokens = sum(height * width for height, width in LEVELS)
    rng = np.random.default_rng(3)
    # Multiples of 1/64 are exact in every dtype: a rounded position would be another function.
    points = rng.integers(0, 64, (2, CAMERAS, VISIBLE, HEIGHTS, 2)) / 64
    return (
        normal(0, 2, QUERIES, WIDTH),
        normal(1, 2, CAMERAS, tokens, WIDTH),
        points,
        np.array([index, index[::-1]]),
    )


make = functools.partial(SpatialCrossAttention, WIDTH, HEADS, POINTS, LEVELS)
# Cell 3 is seen by nobody, cell 1 by both cameras, cell 4 twice by one, and one slot is padding.
INDEX = [[1, 0, 2, QUERIES], [4, 1, 0, 4]]


def test_spatial_cross_attention_agrees_with_a_sum_over_pixels():
    assert_agrees(make, spatial_cross_attention, *inputs(index=INDEX))


def test_what_stands_in_a_padded_slot_does_not_matter():
    module = nnx.jit(make(rngs=nnx.Rngs(0)))
    query, value, points, index = inputs(index=INDEX)
    moved = points.copy()
    moved[index == QUERIES] = 0.25
    assert not np.array_equal(moved, points)
    expected = module(query, value, points, index)
    np.testing.assert_array_equal(module(query, value, moved, index), expected)
    np.testing.assert_array_equal(
        module(query, value, points, index + (index == QUERIES)), expected
    )


def test_the_order_of_the_slots_does_not_matter():
    module = nnx.jit(make(rngs=nnx.Rngs(0)))
    query, value, points, index = inputs(index=INDEX)
    np.testing.assert_allclose(
        module(query, value, points[:, :, ::-1], index[:, :, ::-1]),
        module(query, value, points, index),
        atol=1e-6,
    )


def test_a_cell_that_no_camera_sees_keeps_its_query():
    module = make(rngs=nnx.Rngs(0))
    query, value, points, index = inputs(index=INDEX)
    change = np.asarray(nnx.jit(module)(query, value, points, index)) - query
    np.testing.assert_allclose(change[:, 3], 0, atol=1e-6)
    assert (np.abs(change[:, [0, 1, 2, 4]]).max(-1) > 1e-3).all()


def test_a_layer_starts_by_looking_around_its_points():
    offsets = make(rngs=nnx.Rngs(0)).sampling_offsets.bias[...]
    offsets = np.asarray(offsets).reshape(HEADS, len(LEVELS), POINTS, 2)
    # Two heads look right and left; the i-th point is i pixels away on every level.
    distance = np.arange(1, POINTS + 1)
    for level in range(len(LEVELS)):
        np.testing.assert_allclose(offsets[:, level, :, 0], [distance, -distance])
        np.testing.assert_allclose(offsets[:, level, :, 1], 0, atol=1e-6)


def test_sampling_at_the_centre_of_a_pixel_gives_the_pixel_and_far_outside_zero():
    image = normal(0, 4, 6, 3)
    y, x = np.mgrid[:4, :6].astype(np.float32)
    sample = jax.jit(bilinear_sample)
    np.testing.assert_allclose(sample(image, x, y), image, rtol=1e-6)
    np.testing.assert_array_equal(sample(image, x + 6, y), 0)
    np.testing.assert_array_equal(sample(image, x - 1e12, y), 0)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_a_constant_map_is_averaged_to_itself(shift):
    levels = ((3, 5), (2, 2))
    value = jnp.full((1, 19, 2, 3), 7.0)
    locations = jnp.full((1, 4, 2, 2, 5, 2), 0.5 + shift / 5)
    weights = jnp.full((1, 4, 2, 2, 5), 1 / 10)
    out = jax.jit(deformable_attention, static_argnums=1)(value, levels, locations, weights)
    np.testing.assert_allclose(out, np.full((1, 4, 2, 3), 7.0), rtol=1e-6)


@pytest.mark.parametrize(("name", "levels"), [("tiny", 1), ("base", 4)])
def test_parameters_of_the_published_layers(name, levels):
    row = catalogue.find(f"bevformer-{name}-spatial")
    module = nnx.eval_shape(lambda: SpatialCrossAttention(**row.options, rngs=nnx.Rngs(0)))
    count = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(module)))
    samples = 8 * levels * 8
    assert count == (256 + 1) * (2 * samples + samples + 256 + 256)
    assert row.inputs["value"].shape[1] == {1: 375, 4: 30_825}[levels]
