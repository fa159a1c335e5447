"""Divided attention against loops over places and frames."""

import functools

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm, linear, mlp, parameter_count, self_attention
from reelbench.layers.divided import DividedAttentionBlock

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


def test_parameters_of_timesformer_b():
    attention = 768 * 3 * 768 + 3 * 768 + 768 * 768 + 768
    temporal_fc = 768 * 768 + 768
    hidden = 768 * 3072 + 3072 + 3072 * 768 + 768
    expected = 3 * 2 * 768 + 2 * attention + temporal_fc + hidden
    assert parameter_count("timesformer-divided") == expected
