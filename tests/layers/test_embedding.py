"""Embeddings against a sum over each tubelet's pixels, and loops over tokens and frames."""

import functools

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm, parameter_count
from layers.numpy_tokens import sinusoid, tokens_of
from reelbench.layers.embedding import (
    ClipEmbedding,
    DividedEmbedding,
    FrameEmbedding,
    FrameSummary,
    GridEmbedding,
    TubeletEmbedding,
)


@pytest.mark.parametrize(
    ("shape", "kernel", "strides", "padding"),
    [
        ((4, 6, 9), (2, 3, 3), None, ((0, 0), (0, 0), (0, 0))),
        ((5, 7, 8), (2, 3, 3), None, ((0, 0), (0, 0), (0, 0))),
        ((4, 9, 8), (3, 5, 5), (2, 4, 4), ((1, 1), (2, 2), (2, 2))),
    ],
    ids=["tiles", "remainder", "overlap"],
)
def test_tubelet_embedding_agrees_with_a_sum_over_pixels(shape, kernel, strides, padding):
    make = functools.partial(
        TubeletEmbedding, 3, 5, kernel_size=kernel, strides=strides, padding=padding
    )

    def oracle(parameters, x):
        return tokens_of(parameters, x, kernel, strides or kernel, padding)

    assert_agrees(make, oracle, normal(0, 2, *shape, 3))


KERNEL, NO_PADDING = (2, 3, 3), ((0, 0), (0, 0), (0, 0))


@pytest.mark.parametrize(
    ("positions", "class_token"), [("sinusoid", False), ("learned", True), ("none", True)]
)
def test_a_clip_is_its_tubelets_and_their_positions(positions, class_token):
    make = functools.partial(
        ClipEmbedding,
        3,
        5,
        tokens=2 * 2 * 3,
        kernel_size=KERNEL,
        positions=positions,
        class_token=class_token,
    )

    def oracle(p, x):
        tokens = tokens_of(p["tubelets"], x, KERNEL, KERNEL, NO_PADDING)
        if class_token:
            tokens = np.stack([np.vstack([p["cls"], clip]) for clip in tokens])
        if positions == "sinusoid":
            return tokens + sinusoid(*tokens.shape[1:])
        return tokens + p["table"] if positions == "learned" else tokens

    assert_agrees(make, oracle, normal(0, 2, 4, 6, 9, 3))


def frames_of(p, x, kernel):
    frames = x.shape[1] // kernel[0]
    tokens = tokens_of(p["tubelets"], x, kernel, kernel, NO_PADDING)
    clips = tokens.reshape(len(x), frames, -1, tokens.shape[-1])
    return np.stack(
        [np.stack([np.vstack([p["cls"], f]) + p["table"] for f in clip]) for clip in clips]
    )


def test_frames_share_their_class_token_and_positions():
    make = functools.partial(FrameEmbedding, 3, 5, places=6, kernel_size=KERNEL)
    assert_agrees(make, lambda p, x: frames_of(p, x, KERNEL), normal(0, 2, 4, 6, 9, 3))


def test_divided_embedding_has_the_frames_of_a_place_side_by_side():
    make = functools.partial(DividedEmbedding, 3, 5, places=6, num_frames=4, patch_size=3)

    def oracle(p, x):
        frames = frames_of(p["frames"], x, (1, 3, 3))
        out = []
        for clip in frames:
            tokens = [clip[0, 0]]
            for place in range(6):
                tokens += [clip[t, 1 + place] + p["time"][t] for t in range(4)]
            out.append(tokens)
        return np.array(out)

    assert_agrees(make, oracle, normal(0, 2, 4, 6, 9, 3))


def test_grid_embedding_pads_to_whole_tubelets():
    make = functools.partial(GridEmbedding, 3, 5, kernel_size=KERNEL)
    padding = ((0, 1), (0, 1), (0, 0))

    def oracle(p, x):
        tokens = layer_norm(p["norm"], tokens_of(p, x, KERNEL, KERNEL, padding), 1e-5)
        return tokens.reshape(2, 2, 2, 3, 5)

    assert_agrees(make, oracle, normal(0, 2, 3, 5, 9, 3))


def test_a_summary_sees_the_first_token_of_each_frame():
    make = functools.partial(FrameSummary, 5, num_frames=3)

    def oracle(p, x):
        rows = layer_norm(p["norm"], x[:, :, 0], 1e-6)
        return np.stack([np.vstack([p["cls"], clip]) + p["table"] for clip in rows])

    assert_agrees(make, oracle, normal(0, 2, 3, 4, 5))


def test_parameters_of_published_embeddings():
    tubelet = 3 * 2 * 16 * 16 * 768 + 768
    assert parameter_count("videomae-tubelet") == tubelet
    assert parameter_count("vivit-b-embed") == tubelet + 768 + 3137 * 768
    assert parameter_count("vivit-fe-b-embed") == tubelet + 768 + 197 * 768
    patch = 3 * 16 * 16 * 768 + 768
    assert parameter_count("timesformer-embed") == patch + 768 + 197 * 768 + 8 * 768
    assert parameter_count("mvit-v2-s-embed") == 3 * 3 * 7 * 7 * 96 + 96 + 96
    assert parameter_count("swin3d-t-embed") == 3 * 2 * 4 * 4 * 96 + 96 + 2 * 96
