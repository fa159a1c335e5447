"""TimeSformers at tiny sizes: they run and train, and clips do not see each other."""

import functools

import numpy as np
import pytest
from flax import nnx

from models.tiny import assert_runs_and_trains
from reelbench.models.timesformer import TimeSformer


def tiny(attention):
    return functools.partial(
        TimeSformer, 3, 8, depth=2, num_heads=2, mlp_dim=12, grid=(3, 2, 3), patch_size=4,
        attention=attention, num_classes=5,
    )  # fmt: skip


@pytest.mark.parametrize("attention", ["divided", "joint", "space", "axial"])
def test_a_tiny_model_runs_and_trains_and_clips_are_independent(attention):
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 12, 3), np.float32)
    logits, by_clip = assert_runs_and_trains(tiny(attention), x)
    assert logits.shape == (2, 5)
    assert (np.abs(by_clip[0]).max(axis=-1) > 0).all()
    np.testing.assert_array_equal(by_clip[1], 0)


def test_over_space_only_the_order_of_frames_does_not_matter():
    x = np.random.default_rng(1).standard_normal((1, 3, 8, 12, 3), np.float32)
    space, divided = tiny("space")(rngs=nnx.Rngs(0)), tiny("divided")(rngs=nnx.Rngs(0))
    np.testing.assert_allclose(space(x[:, ::-1]), space(x), atol=1e-5)
    assert np.abs(np.asarray(divided(x[:, ::-1]) - divided(x))).max() > 1e-3
