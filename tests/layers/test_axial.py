"""Axial attention against dense attention over all tokens under a mask of the axis."""

import functools

import numpy as np
import pytest

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm, linear, mlp, parameter_count, self_attention
from reelbench.layers.axial import AxialAttentionBlock, AxisAttention

WIDTH, HEADS, HIDDEN = 12, 3, 20


def mask_of(grid, axis):
    """Minus infinity between tokens that differ along another axis, for each head."""
    place = [i.ravel() for i in np.indices(grid)]
    others = [i for number, i in enumerate(place) if number != axis]
    same = np.all([i[:, None] == i for i in others], axis=0)
    return np.stack([np.where(same, 0.0, -np.inf)] * HEADS)


def along(p, tokens, grid, axis, epsilon=1e-6):
    normed = layer_norm(p["norm"], tokens, epsilon)
    found = self_attention(p["attn"], normed, HEADS, extra=mask_of(grid, axis))
    return tokens + linear(p["fc"], found)


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["time", "height", "width"])
def test_attention_along_an_axis_is_dense_attention_under_its_mask(axis):
    grid = (3, 2, 4)
    make = functools.partial(AxisAttention, WIDTH, HEADS, axis=1 + axis)

    def oracle(p, x):
        clips = [along(p, clip.reshape(-1, WIDTH), grid, axis) for clip in x]
        return np.stack(clips).reshape(x.shape)

    assert_agrees(make, oracle, normal(0, 2, *grid, WIDTH))


def block(p, x, grid, epsilon=1e-6):
    frames, height, width = grid
    out = []
    for tokens in x:
        cls = tokens[0]
        # Time runs fastest in the sequence, and slowest in the grid.
        volume = np.moveaxis(tokens[1:].reshape(height, width, frames, WIDTH), 2, 0)
        flat = along(p["over_time"], volume.reshape(-1, WIDTH), grid, 0)
        flat = along(p["over_width"], flat, grid, 2)
        volume, cls_after = flat.reshape(*grid, WIDTH), cls.copy()
        after = volume.copy()
        for t in range(frames):
            for w in range(width):
                column = layer_norm(p["norm1"], np.vstack([cls, volume[t, :, w]]), epsilon)
                found = self_attention(p["attn"], column, HEADS)
                cls_after += found[0] / (frames * width)
                after[t, :, w] += found[1:]
        y = np.vstack([cls_after, np.moveaxis(after, 0, 2).reshape(-1, WIDTH)])
        out.append(y + mlp(p["mlp"], layer_norm(p["norm2"], y, epsilon)))
    return np.stack(out)


@pytest.mark.parametrize("grid", [(3, 2, 4), (1, 3, 2)])
def test_axial_block_agrees_with_masks_and_loops(grid):
    make = functools.partial(AxialAttentionBlock, WIDTH, HEADS, HIDDEN, grid=grid)
    assert_agrees(make, functools.partial(block, grid=grid), normal(0, 2, 1 + np.prod(grid), WIDTH))


def test_parameters_of_the_axial_timesformer():
    attention = 4 * (768 * 768 + 768)
    hidden = 768 * 3072 + 3072 + 3072 * 768 + 768
    expected = 4 * 2 * 768 + 3 * attention + 2 * (768 * 768 + 768) + hidden
    assert parameter_count("timesformer-axial-block") == expected
