"""Embeddings of the diffusion step and projections of text and image against plain NumPy."""

import functools

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm, linear
from layers.numpy_denoising import (
    Joined,
    clip_by_clip,
    exact_feed_forward,
    feed_forward,
    joined,
    silu,
    standardise,
    time_embedding,
)
from reelbench.layers.conditioning import (
    ImageProjection,
    LowRank,
    SharedModulation,
    TextProjection,
    TimestepEmbedding,
)


def test_the_embedding_of_a_step_agrees_with_its_sines_and_cosines():
    make = functools.partial(TimestepEmbedding, 5, frequency_features=6)
    oracle = clip_by_clip(functools.partial(time_embedding, width=6))
    assert_agrees(make, oracle, 3 * normal(0, 3))


def test_shared_modulations_are_a_projection_of_the_embedding():
    def oracle(p, step):
        embedded = time_embedding(p["embedding"], 2 * step, 256)
        return embedded, linear(p["modulation"], silu(embedded)).reshape(6, -1)

    make = functools.partial(Joined, functools.partial(SharedModulation, 4, step_scale=2.0))
    assert_agrees(make, joined(clip_by_clip(oracle)), normal(0, 2))


def test_text_is_normalised_where_asked_and_projected():
    def oracle(p, text):
        return feed_forward(p["mlp"], standardise(text))

    make = functools.partial(TextProjection, 5, 6, norm=True)
    assert_agrees(make, oracle, normal(0, 2, 3, 5))


def test_images_are_projected_between_two_norms():
    def oracle(p, image):
        h = exact_feed_forward(p["mlp"], layer_norm(p["norm1"], image, 1e-5))
        return layer_norm(p["norm2"], h, 1e-5)

    assert_agrees(functools.partial(ImageProjection, 5, 6), oracle, normal(0, 2, 3, 5))


def test_low_rank_maps_have_no_bias():
    def oracle(p, x):
        assert "bias" not in p["down"]
        return silu(x) @ p["down"]["kernel"] @ p["up"]["kernel"]

    assert_agrees(functools.partial(LowRank, 5, 2, 6), oracle, normal(0, 3, 5))
