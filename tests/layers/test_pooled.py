"""Pooled attention against loops over output positions, heads and pairs of tokens."""

import functools
import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import (
    attend,
    layer_norm,
    linear,
    mlp,
    parameter_count,
    project,
)
from reelbench.layers.pooled import ClassTokenHead, MultiscaleEmbedding, PooledAttentionBlock

EPSILON = 1e-6


def neighbourhoods(size, kernel, strides):
    """For each output position the input positions under the kernel and their taps."""
    padding = [k // 2 for k in kernel]
    lengths = [
        (n + 2 * pad - k) // s + 1
        for n, k, s, pad in zip(size, kernel, strides, padding, strict=True)
    ]
    for out in itertools.product(*map(range, lengths)):
        taps = []
        for tap in itertools.product(*map(range, kernel)):
            place = tuple(
                o * s + t - pad for o, s, t, pad in zip(out, strides, tap, padding, strict=True)
            )
            if all(0 <= q < n for q, n in zip(place, size, strict=True)):
                taps.append((tap, np.ravel_multi_index(place, size)))
        yield out, taps


def pool(p, tokens, size, strides):
    """Depthwise 3×3×3 convolution of one head's tokens behind the class token, then norm."""
    kernel = p["pool"]["kernel"][..., 0, :]
    places, taps = zip(*neighbourhoods(size, kernel.shape[:3], strides), strict=True)
    sums = [sum(kernel[tap] * tokens[1 + place] for tap, place in seen) for seen in taps]
    pooled = layer_norm(p["norm"], np.stack([tokens[0], *sums]), EPSILON)
    return pooled, tuple(n + 1 for n in places[-1])


def interpolate(table, rows):
    """Linear interpolation between the centres of the rows, the ends held."""
    out = np.zeros((rows, table.shape[1]))
    for i in range(rows):
        at = min(max((i + 0.5) * len(table) / rows - 0.5, 0), len(table) - 1)
        low = int(at)
        high = min(low + 1, len(table) - 1)
        out[i] = table[low] * (1 - (at - low)) + table[high] * (at - low)
    return out


def positions_bias(p, query, query_size, key_size):
    bias = np.zeros((len(query), 1 + math.prod(key_size)))
    tables = []
    for axis, (n, m) in enumerate(zip(query_size, key_size, strict=True)):
        tables.append(interpolate(p[f"rel_pos_{'thw'[axis]}"], 2 * max(n, m) - 1))
    for i, a in enumerate(itertools.product(*map(range, query_size))):
        for j, b in enumerate(itertools.product(*map(range, key_size))):
            for axis, (n, m) in enumerate(zip(query_size, key_size, strict=True)):
                distance = a[axis] * max(m / n, 1) - (b[axis] - (m - 1)) * max(n / m, 1)
                row = tables[axis][math.floor(distance + 1e-9)]
                bias[1 + i, 1 + j] += query[1 + i] @ row
    return bias


def shortcut(x, size, strides):
    kernel = [s + 1 if s > 1 else 1 for s in strides]
    rows = [x[0]]
    for _, taps in neighbourhoods(size, kernel, strides):
        rows.append(np.max([x[1 + place] for _, place in taps], axis=0))
    return np.stack(rows)


def block(p, x, heads, size, stride_q, stride_kv, residual, cls_too, in_attention):
    out = []
    for tokens in x:
        normed = layer_norm(p["norm1"], tokens, EPSILON)
        found = []
        for query, key, value in zip(*project(p["attn"], normed, heads), strict=True):
            query_size = key_size = size
            if "pool_q" in p:
                query, query_size = pool(p["pool_q"], query, size, stride_q)
            if "pool_k" in p:
                key, key_size = pool(p["pool_k"], key, size, stride_kv)
                value, _ = pool(p["pool_v"], value, size, stride_kv)
            extra = positions_bias(p, query, query_size, key_size) if "rel_pos_t" in p else 0.0
            answer = attend(query, key, value, extra)
            if residual:
                first = 0 if cls_too else 1
                answer[first:] += query[first:]
            found.append(answer)
        change = linear(p["attn"]["proj"], np.concatenate(found, axis=1))
        if "project" in p and in_attention:
            tokens = linear(p["project"], normed)
        y = shortcut(tokens, size, stride_q) + change
        normed = layer_norm(p["norm2"], y, EPSILON)
        if "project" in p and not in_attention:
            y = linear(p["project"], normed)
        out.append(y + mlp(p["mlp"], normed))
    return np.stack(out)


CLS = {"residual_with_cls": True, "mlp_ratio": 1}
V1 = {"relative_positions": False, "residual_pooling": False, "expand_in_attention": False}


@pytest.mark.parametrize(
    ("size", "stride_q", "stride_kv", "options"),
    [
        ((2, 4, 4), (1, 1, 1), (1, 2, 2), {"mlp_ratio": 1}),
        ((3, 3, 5), (1, 2, 2), (2, 1, 1), {"out_features": 12, **CLS}),
        ((2, 4, 4), (1, 1, 1), (1, 2, 2), {"out_features": 12, "kernel_q": (1, 1, 1), **V1}),
    ],
    ids=["plain", "short-query-wide-odd", "mvit-v1"],
)
def test_pooled_block_agrees_with_loops(size, stride_q, stride_kv, options):
    make = functools.partial(
        PooledAttentionBlock,
        6,
        2,
        input_size=size,
        stride_q=stride_q,
        stride_kv=stride_kv,
        **options,
    )
    oracle = functools.partial(
        block,
        heads=2,
        size=size,
        stride_q=stride_q,
        stride_kv=stride_kv,
        residual=options.get("residual_pooling", True),
        cls_too=options.get("residual_with_cls", False),
        in_attention=options.get("expand_in_attention", True),
    )
    assert_agrees(make, oracle, normal(0, 2, 1 + math.prod(size), 6))


def test_parameters_of_mvitv2_s():
    attention = 384 * 3 * 384 + 3 * 384 + 384 * 384 + 384
    pools = 3 * (27 * 96 + 2 * 96)
    positions = (15 + 27 + 27) * 96
    hidden = 384 * 1536 + 1536 + 1536 * 384 + 384
    assert (
        parameter_count("mvitv2-s-pooled") == 2 * 2 * 384 + attention + pools + positions + hidden
    )


def patches(p, x):
    """Overlapping patches, one at a time, behind the class token, with positions if there are."""
    kernel = p["proj"]["kernel"]
    out = []
    for clip in x:
        voxels = clip.reshape(-1, clip.shape[-1])
        rows = [
            sum((voxels[place] @ kernel[tap] for tap, place in taps), p["proj"]["bias"])
            for _, taps in neighbourhoods(clip.shape[:3], kernel.shape[:3], (2, 2, 2))
        ]
        if "times" in p:
            places = len(p["places"])
            rows = [
                r + p["times"][i // places] + p["places"][i % places] for i, r in enumerate(rows)
            ]
        out.append(np.stack([p["class_token"][0] + p.get("class_position", [0])[0], *rows]))
    return np.stack(out)


def test_embedding_and_head_agree_with_loops():
    def make(**kinds):
        stem = MultiscaleEmbedding(
            2, 4, kernel_size=(3, 3, 5), strides=(2, 2, 2), positions=(2, 3, 2), **kinds
        )
        return nnx.Sequential(stem, _ClassAndRest(**kinds))

    def oracle(p, x):
        tokens, head = patches(p["layers"][0], x), p["layers"][1]
        first = linear(
            head["head"]["head"], layer_norm(head["head"]["norm"], tokens[:, 0], EPSILON)
        )
        return np.concatenate([first[:, None], tokens[:, 1:]], axis=1)

    assert_agrees(make, oracle, normal(1, 2, 3, 5, 4, 2))


class _ClassAndRest(nnx.Module):
    """The head's answer before the other tokens, so that all of them are compared."""

    def __init__(self, **kinds):
        self.head = ClassTokenHead(4, 4, **kinds)

    def __call__(self, tokens):
        return jnp.concatenate([self.head(tokens)[:, None], tokens[:, 1:]], axis=1)


def test_parameters_of_mvitv1_b():
    stem = 3 * 3 * 7 * 7 * 96 + 96
    tables = 2 * 96 + 8 * 96 + 56 * 56 * 96
    assert parameter_count("mvitv1-b-stem") == stem + tables
    attention = 384 * 3 * 384 + 3 * 384 + 384 * 384 + 384
    pools = 2 * (27 * 96 + 2 * 96)
    hidden = 384 * 1536 + 1536 + 1536 * 768 + 768
    project = 384 * 768 + 768
    expected = 2 * 2 * 384 + attention + pools + hidden + project
    assert parameter_count("mvitv1-b-widening") == expected
