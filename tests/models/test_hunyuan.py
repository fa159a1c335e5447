"""HunyuanVideo at a tiny size."""

from models.denoisers import assert_denoises, assert_hidden_text_is_as_good_as_none, build, draw
from reelbench.models.hunyuan import HunyuanVideo


def test_a_tiny_model_denoises_and_does_not_read_hidden_text():
    module = build(
        HunyuanVideo,
        features=16,
        depth=1,
        single_depth=2,
        num_heads=2,
        mlp_dim=20,
        grid=(2, 2, 3),
        channels=3,
        text_features=5,
        pooled_features=4,
        refiner_depth=1,
        rotary_features=(4, 2, 2),
    )
    x, text, pooled, step, guidance = draw((2, 4, 6, 3), (6, 5), (4,), (), ())
    assert assert_denoises(module, x, text, pooled, step, guidance).shape == x.shape
    assert_hidden_text_is_as_good_as_none(
        module, lambda m, words, mask: m(x, text[:, :words], pooled, step, guidance, mask), 6
    )
