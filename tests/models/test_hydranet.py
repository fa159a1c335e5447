"""The driving stack at a tiny size: a whole clip, frame by frame, and what it must not see."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.stepping import assert_trains, build
from reelbench.models.hydranet import HydraNet

FRAMES, CAMERAS = 3, 2


def make(video: str) -> HydraNet:
    return HydraNet(
        depths=(1, 1, 1, 1),
        widths=(4, 4, 6, 6),
        group_widths=(2, 2, 3, 3),
        pyramid_features=4,
        pyramid_rounds=1,
        cameras=CAMERAS,
        raster=(2, 3),
        features=8,
        num_heads=2,
        mlp_dim=8,
        fusion_depth=1,
        position_features=4,
        motion_features=3,
        time_entries=2,
        space_entries=1,
        video=video,
        video_depth=1,
        occupancy=(2, 3),
        objects=(4, 5),
        rngs=nnx.Rngs(0),
    )


def clip(seed: int):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((2, FRAMES, CAMERAS, 20, 24, 3), np.float32)
    where = rng.random((2, CAMERAS, 32, 32, 2), np.float32)
    motion = rng.standard_normal((2, FRAMES, 3), np.float32)
    # Each frame is due in time; the second is not in space.
    moved = np.array([[0.03, 1.5], [0.03, 0.2], [0.03, 1.5]], np.float32)
    return images, where, motion, np.stack([moved, moved])


@pytest.fixture(scope="module")
def model():
    return build(functools.partial(make, "transformer"))


@nnx.jit
def run(model, *inputs):
    return model(*inputs)


def test_a_training_step_has_finite_gradients():
    shapes = assert_trains(build(functools.partial(make, "convolution")), *clip(0))
    assert shapes == ((2, 8, 12, 2, 3), (2, 2, 3, 4), (2, 2, 3, 5))


def test_frame_by_frame_equals_the_whole_clip(model):
    images, where, motion, moved = clip(1)
    whole = run(model, images, where, motion, moved)

    @nnx.jit
    def step(model, state, images, motion, moved):
        raster = model.see(images[:, None], where)[:, 0]
        return model.queue(*state, raster, motion, moved)

    state = model.start(2, jnp.float32)
    for frame in range(FRAMES):
        state = step(model, state, images[:, frame], motion[:, frame], moved[:, frame])
    for ours, theirs in zip(nnx.jit(HydraNet.tell)(model, *state[:2]), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_what_neither_queue_kept_does_not_matter_and_clips_are_independent(model):
    images, where, motion, moved = clip(2)
    before = run(model, images, where, motion, moved)
    forgotten = images.copy()
    # The first frame left the queue in time with the third, and the one in space too.
    forgotten[0, 0] += 1
    for old, new in zip(before, run(model, forgotten, where, motion, moved), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)
    kept = images.copy()
    kept[0, 1] += 1
    for old, new in zip(before, run(model, kept, where, motion, moved), strict=True):
        np.testing.assert_allclose(new[1], old[1], atol=1e-6)
        assert np.abs(np.asarray(new[0] - old[0])).max() > 1e-6
