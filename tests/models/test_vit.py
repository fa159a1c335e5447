"""Plain Vision Transformers at tiny sizes: they run and train, and clips do not see each other."""

import functools

import numpy as np
import pytest

from models.tiny import assert_runs_and_trains
from reelbench.models.vit import FactorisedEncoder, FactorisedTransformer, VisionTransformer

CLIP = (2, 4, 8, 12, 3)
BLOCK = {"num_heads": 2, "mlp_dim": 12, "kernel_size": (2, 4, 4), "num_classes": 5}
GRID = {"num_frames": 2, "places": 6}

TINY = {
    "videomae": functools.partial(VisionTransformer, 3, 8, depth=2, tokens=12, **BLOCK),
    "vivit": functools.partial(
        VisionTransformer, 3, 8, depth=1, tokens=12, positions="learned", class_token=True,
        qkv_bias=True, gelu="tanh", pool="first", **BLOCK,
    ),
    "encoders": functools.partial(FactorisedEncoder, 3, 8, depths=(1, 1), **GRID, **BLOCK),
    "layers": functools.partial(FactorisedTransformer, 3, 8, depth=1, **GRID, **BLOCK),
    "heads": functools.partial(
        FactorisedTransformer, 3, 8, depth=1, share="heads", **GRID, **BLOCK
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TINY)
def test_a_tiny_model_runs_and_trains_and_clips_are_independent(name):
    x = np.random.default_rng(0).standard_normal(CLIP, np.float32)
    logits, by_clip = assert_runs_and_trains(TINY[name], x)
    assert logits.shape == (2, 5)
    # The loss is of the first clip's logits; every pixel of it has a say.
    assert (np.abs(by_clip[0]).max(axis=-1) > 0).all()
    np.testing.assert_array_equal(by_clip[1], 0)
