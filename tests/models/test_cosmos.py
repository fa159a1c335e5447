"""Cosmos at a tiny size."""

from models.denoisers import assert_denoises, build, draw
from reelbench.models.cosmos import Cosmos


def test_a_tiny_model_denoises():
    module = build(
        Cosmos,
        features=24,
        depth=2,
        num_heads=2,
        mlp_dim=20,
        grid=(2, 2, 3),
        channels=3,
        text_features=5,
        modulation_features=4,
        longest=(2, 2, 3),
    )
    x, text, step, padding = draw((2, 4, 6, 3), (4, 5), (), (2, 4, 6, 1))
    assert assert_denoises(module, x, text, step, padding).shape == x.shape
