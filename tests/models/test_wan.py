"""Wan at a tiny size."""

from models.denoisers import assert_denoises, build, draw
from reelbench.models.wan import Wan

SIZES = {"features": 24, "depth": 2, "num_heads": 2, "mlp_dim": 20, "grid": (2, 2, 3)}


def test_a_tiny_model_denoises():
    module = build(Wan, **SIZES, in_channels=3, out_channels=3, text_features=5)
    x, text, step = draw((2, 4, 6, 3), (4, 5), ())
    out = assert_denoises(module, x, text, step)
    assert out.shape == x.shape


def test_a_tiny_model_denoises_from_a_first_frame():
    module = build(Wan, **SIZES, in_channels=7, out_channels=3, text_features=5, image_features=4)
    out = assert_denoises(module, *draw((2, 4, 6, 7), (4, 5), (), (3, 4)))
    assert out.shape == (2, 2, 4, 6, 3)
