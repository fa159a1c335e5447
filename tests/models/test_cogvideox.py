"""CogVideoX at a tiny size."""

import pytest

from models.denoisers import assert_denoises, build, draw
from reelbench.models.cogvideox import CogVideoX


@pytest.mark.parametrize("rotary", [False, True])
def test_a_tiny_model_denoises(rotary):
    module = build(
        CogVideoX,
        features=32,
        depth=2,
        num_heads=2,
        mlp_dim=20,
        grid=(2, 2, 3),
        rotary=rotary,
        channels=3,
        text_features=5,
        conditioning_features=6,
    )
    x, text, step = draw((2, 4, 6, 3), (4, 5), ())
    assert assert_denoises(module, x, text, step).shape == x.shape
