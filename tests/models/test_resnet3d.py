"""R3D, MC3 and R(2+1)D at a tiny size, of two stages."""

import pytest
from flax import nnx

from models.classifiers import assert_classifies, draw
from reelbench.catalogue.models.resnet3d import MC3, R2PLUS1D, R3D
from reelbench.models.resnet3d import ResNet3D


@pytest.mark.parametrize("forms", [R3D, MC3, R2PLUS1D], ids=["r3d", "mc3", "r2plus1d"])
def test_a_tiny_model_classifies(forms):
    sizes = {"depths": (1, 1), "width": 4, "num_classes": 3}
    module = ResNet3D(forms=forms[:2], **sizes, rngs=nnx.Rngs(0))
    assert_classifies(module, 3, *draw((4, 16, 16, 3)))
