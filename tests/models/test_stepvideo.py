"""Step-Video-T2V at a tiny size."""

from models.denoisers import assert_denoises, assert_hidden_text_is_as_good_as_none, build, draw
from reelbench.models.stepvideo import StepVideo

SIZES = {"features": 32, "depth": 2, "num_heads": 2, "mlp_dim": 20, "grid": (2, 2, 3)}


def test_a_tiny_model_denoises_and_does_not_read_hidden_text():
    module = build(StepVideo, **SIZES, channels=3, text_features=5, clip_features=4)
    x, text, clip, step = draw((2, 2, 3, 3), (6, 5), (2, 4), ())
    assert assert_denoises(module, x, text, clip, step).shape == x.shape
    assert_hidden_text_is_as_good_as_none(
        module, lambda m, words, mask: m(x, text[:, : words - 2], clip, step, mask), 8
    )
