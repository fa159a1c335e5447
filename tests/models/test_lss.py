"""Lift-Splat-Shoot at a tiny size."""

import numpy as np
import pytest
from flax import nnx

from models.stepping import assert_trains, build
from reelbench.models.lss import LiftSplatShoot

GRID = (8, 16)


def make():
    # Two stages, joined at 1/2 and 1/4 of the image.
    stages = ((1, 3, 1, 1, 4), (1, 3, 2, 2, 6))
    ground = ((4, 1), (6, 2))
    return LiftSplatShoot(stages, (1, 2), 8, 5, 4, GRID, ground, 8, 2, rngs=nnx.Rngs(0))


@pytest.fixture(scope="module")
def model():
    return build(make)


def inputs(seed: int):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((2, 3, 16, 24, 3), np.float32)
    return images, rng.integers(0, GRID[0] * GRID[1] + 20, (2, 3, 5, 8, 12))


@nnx.jit
def run(model, images, cell):
    return model(images, cell)


def test_a_training_step_has_finite_gradients(model):
    assert assert_trains(model, *inputs(0)) == (2, 8, 16, 2)


def test_rigs_of_a_batch_and_the_order_of_cameras_do_not_matter(model):
    images, cell = inputs(1)
    whole = np.asarray(run(model, images, cell))
    swapped = run(model, images[::-1, [2, 0, 1]], cell[::-1, [2, 0, 1]])
    np.testing.assert_allclose(np.asarray(swapped)[::-1], whole, atol=1e-4)
    images[0] += 1
    moved = np.asarray(run(model, images, cell))
    np.testing.assert_allclose(moved[1], whole[1], atol=1e-6)
    assert np.abs(moved[0] - whole[0]).max() > 1e-3


def test_a_camera_whose_points_fall_beside_the_map_is_not_seen(model):
    images, cell = inputs(2)
    cell[:, 1] = GRID[0] * GRID[1]
    before = np.asarray(run(model, images, cell))
    images[:, 1] += 1
    np.testing.assert_array_equal(run(model, images, cell), before)
