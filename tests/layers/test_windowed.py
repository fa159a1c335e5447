"""Window attention against dense attention over the whole volume under a mask and a bias."""

import functools
import itertools

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import (
    layer_norm,
    linear,
    mlp,
    parameter_count,
    self_attention,
)
from reelbench.catalogue import find
from reelbench.layers.windowed import (
    PatchEmbedding3D,
    PatchMerging,
    PooledHead,
    SwinBlock3D,
    acting_window,
)

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


def patches(p, x):
    """Patches of 2×3×2, one at a time; what lies behind the clip is zero."""
    kernel, bias = p["proj"]["kernel"], p["proj"]["bias"]
    size = [-(-n // length) for n, length in zip(x.shape[1:4], kernel.shape, strict=False)]
    out = np.zeros((len(x), *size, kernel.shape[-1]))
    for clip, (i, j, k) in itertools.product(range(len(x)), itertools.product(*map(range, size))):
        patch = x[clip, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3, 2 * k : 2 * k + 2]
        t, h, w = patch.shape[:3]
        out[clip, i, j, k] = np.einsum("thwc,thwcd->d", patch, kernel[:t, :h, :w]) + bias
    return layer_norm(p["norm"], out, 1e-5)


def merged(p, x):
    """Top left, bottom left, top right, bottom right; nothing is zero."""
    _, _, h, w, _ = x.shape
    x = np.pad(x, [(0, 0), (0, 0), (0, h % 2), (0, w % 2), (0, 0)])
    corners = [x[:, :, down::2, right::2] for right in (0, 1) for down in (0, 1)]
    return linear(p["reduction"], layer_norm(p["norm"], np.concatenate(corners, -1), 1e-5))


def classes(p, x):
    return linear(p["head"], layer_norm(p["norm"], x, 1e-5).mean((1, 2, 3)))


def test_stem_merging_and_head_agree_with_loops():
    """One after the other, as in a model without blocks."""

    def make(**kinds):
        layers = (
            PatchEmbedding3D(3, 4, patch=(2, 3, 2), **kinds),
            PatchMerging(4, **kinds),
            PooledHead(8, 3, **kinds),
        )
        return nnx.Sequential(*layers)

    def oracle(p, x):
        stem, merging, head = (p["layers"][number] for number in range(3))
        return classes(head, merged(merging, patches(stem, x)))

    assert_agrees(make, oracle, normal(3, 2, 3, 8, 7, 3))


def test_a_single_window_is_not_shifted():
    x = normal(1, 1, 2, 3, 3, WIDTH).astype(np.float32)
    still = jax.jit(make_block()(rngs=nnx.Rngs(0)))(x)
    shifted = jax.jit(make_block(shift=(1, 1, 1))(rngs=nnx.Rngs(0)))(x)
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


def test_parameters_of_stem_and_merging():
    assert parameter_count("swin3d-t-stem") == 3 * 2 * 4 * 4 * 96 + 96 + 2 * 96
    assert parameter_count("swin3d-t-merging") == 2 * 4 * 96 + 4 * 96 * 2 * 96
