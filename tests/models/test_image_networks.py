"""RegNet, EfficientNet and EfficientDet at tiny sizes; RegNet's rule of widths."""

import numpy as np
import pytest
from flax import nnx

from models.stepping import assert_trains, build
from reelbench.catalogue.models.regnet import stages
from reelbench.models.efficientdet import EfficientDet
from reelbench.models.efficientnet import EfficientNet
from reelbench.models.regnet import RegNet

# At 1/4, 1/8 and 1/16 of the image.
SMALL = ((1, 3, 2, 1, 4), (1, 3, 2, 2, 6), (1, 5, 2, 2, 8))
MODELS = {
    "regnet": lambda: RegNet((1, 1), (4, 6), (2, 3), num_classes=5, rngs=nnx.Rngs(0)),
    "efficientnet": lambda: EfficientNet(SMALL[:2], 5, rngs=nnx.Rngs(0)),
    "efficientdet": lambda: EfficientDet(SMALL, (1, 2, 3), 4, 1, 1, 3, rngs=nnx.Rngs(0)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_training_step_has_finite_gradients(name):
    frames = np.random.default_rng(0).standard_normal((2, 2, 32, 32, 3), np.float32)
    shapes = assert_trains(build(MODELS[name]), frames)
    if name == "efficientdet":
        sides = (8, 4, 2, 1, 1)
        assert shapes[0] == tuple((2, 2, side, side, 27) for side in sides)
        assert shapes[1] == tuple((2, 2, side, side, 36) for side in sides)
    else:
        assert shapes == (2, 2, 5)


@pytest.mark.parametrize("name", ["regnet", "efficientnet"])
def test_frames_are_classified_one_by_one(name):
    run = nnx.jit(build(MODELS[name]))
    frames = np.random.default_rng(1).standard_normal((2, 2, 16, 16, 3), np.float32)
    whole = np.asarray(run(frames))
    frames[0, 1] += 1
    moved = np.asarray(run(frames))
    changed = np.abs(moved - whole).max(-1) > 1e-6
    assert changed.tolist() == [[False, True], [False, False]]


def test_the_rule_gives_the_published_stages():
    # Table of RegNetY-1.6GF and -400MF in the paper's appendix.
    found = stages(27, 48, 20.71, 2.65, 24, (224, 224))
    assert [(s.depth, s.out_features) for s in found] == [(2, 48), (6, 120), (17, 336), (2, 888)]
    assert [s.size for s in found] == [(56, 56), (28, 28), (14, 14), (7, 7)]
    found = stages(16, 48, 27.89, 2.09, 8, (224, 224))
    assert [(s.depth, s.out_features) for s in found] == [(1, 48), (3, 104), (6, 208), (6, 440)]
