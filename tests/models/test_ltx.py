"""LTX-Video at a tiny size, and its linear maps alone against a published count."""

import pytest

from models.denoisers import assert_denoises, assert_hidden_text_is_as_good_as_none, build, draw
from reelbench import work
from reelbench.catalogue.models import find_model
from reelbench.models.ltx import LTX

SIZES = {"features": 24, "depth": 2, "num_heads": 2, "mlp_dim": 20, "grid": (2, 2, 3)}


def test_a_tiny_model_denoises_and_does_not_read_hidden_text():
    module = build(LTX, **SIZES, channels=3, text_features=5)
    x, text, step = draw((2, 2, 3, 3), (6, 5), ())
    assert assert_denoises(module, x, text, step).shape == x.shape
    assert_hidden_text_is_as_good_as_none(
        module, lambda m, words, mask: m(x, text[:, :words], step, mask), 6
    )


@pytest.mark.parametrize(
    ("name", "tokens", "words", "width", "depth", "published"),
    [
        # Whole counts of torchprofile, which leaves the products inside attention out.
        ("ltx-video-13b", 7_392, 256, 4096, 48, 167_565.8e9),
        ("wan2.1-t2v-14b-81x480x832", 32_760, 512, 5120, 40, 786e12),
    ],
)
def test_without_attention_the_published_counts_of_diffusers_hold(
    name, tokens, words, width, depth, published
):
    inside_attention = 2 * 2 * tokens * (tokens + words) * width * depth
    rest = work.of_parts(find_model(name)).model_flops - inside_attention
    assert rest == pytest.approx(published, rel=1e-3)
