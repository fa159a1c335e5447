"""Mochi at a tiny size."""

from models.denoisers import assert_denoises, assert_hidden_text_is_as_good_as_none, build, draw
from reelbench.models.mochi import Mochi


def test_a_tiny_model_denoises_and_does_not_read_hidden_text():
    module = build(
        Mochi,
        features=16,
        text_width=6,
        depth=2,
        num_heads=2,
        mlp_dim=20,
        text_mlp_dim=7,
        channels=3,
        text_features=4,
        pooling_heads=2,
    )
    x, text, step = draw((2, 4, 6, 3), (6, 4), ())
    # The last block's text queries are computed, as published, and read by nobody.
    out = assert_denoises(module, x, text, step, unread="['last']['text']['query")
    assert out.shape == x.shape
    assert_hidden_text_is_as_good_as_none(
        module, lambda m, words, mask: m(x, text[:, :words], step, mask), 6
    )
