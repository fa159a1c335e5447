"""TSM at a tiny size."""

import numpy as np
from flax import nnx

from models.classifiers import assert_classifies, draw, logits
from reelbench.models.tsm import TSM


def tiny():
    return TSM(depths=(1, 1), width=8, num_classes=3, window=(1, 2, 2), rngs=nnx.Rngs(0))


def test_a_tiny_model_classifies():
    assert_classifies(tiny(), 3, *draw((3, 32, 32, 3)))


def test_the_order_of_frames_matters():
    (x,) = draw((3, 32, 32, 3))
    module = tiny()
    assert np.abs(logits(module, x) - logits(module, x[:, ::-1])).max() > 1e-4
