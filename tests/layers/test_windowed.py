"""Window attention against dense attention over the whole volume under a mask and a bias."""

import functools
import itertools

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import (
    count_parameters,
    layer_norm,
    mlp,
    parameter_count,
    self_attention,
)
from reelbench.catalogue import find
from reelbench.layers.windowed import SwinBlock3D, acting_window

WIDTH, HEADS, HIDDEN = 6, 2, 8
TABLE = (2, 3, 3)  # the windows that the bias table is made for


def pair_bias(table, a, b, size, window, shift):
    """What is added to the logits of a pair of positions: nothing seen from another window."""
    inside, flat = [], []
    for place in (a, b):
        shifted = [(p - s) % n for p, s, n in zip(place, shift, size, strict=True)]
        box = [q // w for q, w in zip(shifted, window, strict=True)]
        # The roll joins the first positions of an axis to the last; the clip does not.
        carried = [p < s for p, s in zip(place, shift, strict=True)]
        inside.append((box, carried))
        number = np.ravel_multi_index([q % w for q, w in zip(shifted, window, strict=True)], window)
        flat.append(np.unravel_index(number, TABLE))
    if inside[0] != inside[1]:
        return np.full(table.shape[-1], -np.inf)
    offset = tuple(i - j + w - 1 for i, j, w in zip(*flat, TABLE, strict=True))
    return table.reshape(3, 5, 5, -1)[offset]


def dense_block(p, x, window, shift):
    """The block, `window` and `shift` being those that act."""
    normed = layer_norm(p["norm1"], x, 1e-5)
    behind = [-n % w for n, w in zip(x.shape[1:4], window, strict=True)]
    padded = np.pad(normed, [(0, 0), *((0, n) for n in behind), (0, 0)])
    size = padded.shape[1:4]
    places = list(itertools.product(*map(range, size)))
    extra = np.zeros((HEADS, len(places), len(places)))
    for (i, a), (j, b) in itertools.product(enumerate(places), repeat=2):
        extra[:, i, j] = pair_bias(p["bias_table"], a, b, size, window, shift)
    found = np.stack(
        [self_attention(p["attn"], clip.reshape(len(places), -1), HEADS, extra) for clip in padded]
    ).reshape(padded.shape)
    y = x + found[:, : x.shape[1], : x.shape[2], : x.shape[3]]
    return y + mlp(p["mlp"], layer_norm(p["norm2"], y, 1e-5))


def make_block(**options):
    return functools.partial(SwinBlock3D, WIDTH, HEADS, HIDDEN, window=TABLE, **options)


@pytest.mark.parametrize(
    ("shape", "shift", "acting"),
    [
        ((4, 6, 3), (0, 0, 0), ((2, 3, 3), (0, 0, 0))),
        ((4, 6, 6), (1, 1, 1), ((2, 3, 3), (1, 1, 1))),
        ((3, 5, 4), (1, 1, 1), ((2, 3, 3), (1, 1, 1))),
        ((1, 4, 7), (1, 1, 1), ((1, 3, 3), (0, 1, 1))),
        ((2, 2, 4), (1, 1, 1), ((2, 2, 3), (0, 0, 1))),
    ],
    ids=["windows", "shifted", "padded", "short", "low"],
)
def test_window_attention_is_dense_attention_under_a_mask(shape, shift, acting):
    window, moved = acting
    oracle = functools.partial(dense_block, window=window, shift=moved)
    assert_agrees(make_block(shift=shift), oracle, normal(0, 2, *shape, WIDTH))


def test_a_single_window_is_not_shifted():
    x = normal(1, 1, 2, 3, 3, WIDTH).astype(np.float32)
    still = make_block()(rngs=nnx.Rngs(0))(x)
    shifted = make_block(shift=(1, 1, 1))(rngs=nnx.Rngs(0))(x)
    np.testing.assert_array_equal(still, shifted)


def test_a_change_stays_in_its_window():
    x = normal(2, 1, 4, 6, 6, WIDTH).astype(np.float32)
    changed = x.copy()
    changed[0, 1, 2, 4] += 1
    layer = jax.jit(make_block()(rngs=nnx.Rngs(0)))
    moved = np.argwhere(np.abs(layer(x) - layer(changed)).max(-1)[0] > 0)
    assert moved.min(0).tolist() == [0, 0, 3]
    assert moved.max(0).tolist() == [1, 2, 5]


def test_in_the_first_stage_of_swin3d_t_time_is_not_shifted():
    row = find("swin3d-t-window")
    size = row.inputs["x"].shape[:3]
    acting = acting_window(size, row.options["window"], row.options["shift"])
    assert acting == ((8, 7, 7), (0, 3, 3))


def test_parameters_of_swin3d_t():
    table = 15 * 13 * 13 * 3
    attention = 96 * 3 * 96 + 3 * 96 + 96 * 96 + 96
    hidden = 96 * 384 + 384 + 384 * 96 + 96
    assert parameter_count("swin3d-t-window") == 2 * 2 * 96 + table + attention + hidden


def test_blocks_of_swin3d_t_add_up_to_the_published_model():
    total = 3 * 2 * 4 * 4 * 96 + 96 + 2 * 96  # patch embedding and its norm
    total += 2 * 768 + 768 * 400 + 400  # last norm, head
    for stage, (blocks, heads) in enumerate([(2, 3), (2, 6), (6, 12), (2, 24)]):
        width = 96 * 2**stage
        total += blocks * count_parameters(functools.partial(SwinBlock3D, width, heads, 4 * width))
        if stage < 3:
            total += 2 * 4 * width + 4 * width * 2 * width  # patch merging
    assert total == 28_158_070
