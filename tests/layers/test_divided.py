"""Divided attention against loops over places and frames."""

import functools

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import (
    attend,
    gelu_tanh,
    layer_norm,
    linear,
    mlp,
    parameter_count,
    project,
    self_attention,
)
from reelbench.layers.divided import (
    DividedAttentionBlock,
    FactorisedAttentionBlock,
    FactorisedHeadsBlock,
)

WIDTH, HEADS, HIDDEN = 12, 3, 20


def block(p, x, frames, epsilon=1e-6):
    out = []
    for tokens in x:
        cls, places = tokens[0], (len(tokens) - 1) // frames
        grid = tokens[1:].reshape(places, frames, -1).copy()
        for place in range(places):
            normed = layer_norm(p["temporal_norm1"], grid[place], epsilon)
            grid[place] += linear(
                p["temporal_fc"], self_attention(p["temporal_attn"], normed, HEADS)
            )
        after, cls_after = grid.copy(), cls.copy()
        for frame in range(frames):
            sequence = layer_norm(p["norm1"], np.vstack([cls, grid[:, frame]]), epsilon)
            found = self_attention(p["attn"], sequence, HEADS)
            cls_after += found[0] / frames
            after[:, frame] += found[1:]
        y = np.vstack([cls_after, after.reshape(places * frames, -1)])
        out.append(y + mlp(p["mlp"], layer_norm(p["norm2"], y, epsilon)))
    return np.stack(out)


@pytest.mark.parametrize(("places", "frames"), [(6, 4), (5, 3), (4, 1)])
def test_divided_block_agrees_with_loops(places, frames):
    make = functools.partial(DividedAttentionBlock, WIDTH, HEADS, HIDDEN, num_frames=frames)
    oracle = functools.partial(block, frames=frames)
    assert_agrees(make, oracle, normal(0, 2, 1 + places * frames, WIDTH))


def factorised(p, x, epsilon=1e-6):
    out = x.copy()
    for clip in out:
        for place in range(clip.shape[1]):
            normed = layer_norm(p["norm_time"], clip[:, place], epsilon)
            clip[:, place] += self_attention(p["time"], normed, HEADS)
        for frame in clip:
            frame += self_attention(p["space"], layer_norm(p["norm_space"], frame, epsilon), HEADS)
    return out + mlp(p["mlp"], layer_norm(p["norm_mlp"], out, epsilon), gelu_tanh)


def test_factorised_block_agrees_with_loops():
    make = functools.partial(FactorisedAttentionBlock, WIDTH, HEADS, HIDDEN)
    assert_agrees(make, factorised, normal(0, 2, 3, 5, WIDTH))


def masked_heads(p, x, heads=2, epsilon=1e-6):
    """Dense attention over all tokens; a mask leaves a head its own place or its own frame."""
    out = []
    frames, places = x.shape[1:3]
    frame, place = (i.ravel() for i in np.indices((frames, places)))
    masks = [place[:, None] == place, frame[:, None] == frame]
    for clip in x:
        tokens = clip.reshape(frames * places, -1)
        projected = project(p["attn"], layer_norm(p["norm1"], tokens, epsilon), heads)
        found = [
            attend(*(each[head] for each in projected), np.where(mask, 0.0, -np.inf))
            for head, mask in enumerate(masks)
        ]
        y = tokens + linear(p["attn"]["proj"], np.concatenate(found, axis=1))
        y += mlp(p["mlp"], layer_norm(p["norm2"], y, epsilon), gelu_tanh)
        out.append(y.reshape(clip.shape))
    return np.stack(out)


def test_factorised_heads_are_dense_attention_under_masks():
    make = functools.partial(FactorisedHeadsBlock, WIDTH, 2, HIDDEN)
    assert_agrees(make, masked_heads, normal(0, 2, 3, 4, WIDTH))


def test_parameters_of_vivit_b_factorised():
    attention = 4 * (768 * 768 + 768)
    hidden = 768 * 3072 + 3072 + 3072 * 768 + 768
    assert parameter_count("vivit-b-factorised-block") == 3 * 2 * 768 + 2 * attention + hidden
    assert parameter_count("vivit-b-factorised-heads-block") == 2 * 2 * 768 + attention + hidden


def test_parameters_of_timesformer_b():
    attention = 768 * 3 * 768 + 3 * 768 + 768 * 768 + 768
    temporal_fc = 768 * 768 + 768
    hidden = 768 * 3072 + 3072 + 3072 * 768 + 768
    expected = 3 * 2 * 768 + 2 * attention + temporal_fc + hidden
    assert parameter_count("timesformer-divided") == expected
