"""Sampling from feature maps and what stands around it, in plain float64 NumPy, point by point."""

from collections.abc import Sequence

import numpy as np

from layers.numpy_attention import attend, layer_norm, linear

__all__ = [
    "attend_slot",
    "deformable",
    "feed_forward",
    "hat_sample",
    "layer_norm",
    "linear",
    "mean_over_cameras",
    "self_attention",
    "star",
]


def hat_sample(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """Sum all pixels, each weighted by how near it is: one step away it counts nothing."""
    height, width, _ = image.shape
    along = np.maximum(0, 1 - abs(x - np.arange(width)))
    down = np.maximum(0, 1 - abs(y - np.arange(height)))
    return np.einsum("h,w,hwc->c", down, along, image)


def deformable(tokens, levels, place, offsets, logits) -> np.ndarray:
    """What one query takes from some maps.

    `place(point)` is its reference point, (x, y) as shares; offsets are heads × levels × points ×
    2, in pixels; one softmax runs over a head's levels and points.
    """
    heads, _, _, _ = offsets.shape
    size = tokens.shape[-1] // heads
    weights = np.exp(logits.reshape(heads, -1))
    weights = (weights / weights.sum(-1, keepdims=True)).reshape(offsets.shape[:-1])
    out = np.zeros(tokens.shape[-1])
    for head, level, point in np.ndindex(*offsets.shape[:-1]):
        height, width = levels[level]
        start = sum(h * w for h, w in levels[:level])
        channels = slice(head * size, (head + 1) * size)
        image = tokens[start : start + height * width, channels].reshape(height, width, size)
        x, y = np.asarray(place(point)) * (width, height) + offsets[head, level, point] - 0.5
        out[channels] += weights[head, level, point] * hat_sample(image, x, y)
    return out


def attend_slot(p, query, maps, levels, place, heads: int) -> np.ndarray:
    """What one query takes from the feature maps of one camera, by its own projections."""
    offsets = linear(p["sampling_offsets"], query).reshape(heads, len(levels), -1, 2)
    logits = linear(p["attention_weights"], query)
    return deformable(linear(p["value_projection"], maps), levels, place, offsets, logits)


def mean_over_cameras(p, query, value, levels, points, index, heads: int, place) -> np.ndarray:
    """For one clip, the mean of what each cell takes from the cameras that see it.

    `place(points, point)` picks the reference point of a sample among those of a slot.
    """
    taken: list[list[np.ndarray]] = [[] for _ in query]
    for camera, slot in np.ndindex(*index.shape):
        cell = index[camera, slot]
        if cell < len(query):

            def at(point, seen=points[camera, slot]):
                return place(seen, point)

            taken[cell].append(attend_slot(p, query[cell], value[camera], levels, at, heads))
    width = query.shape[-1]
    return np.array([sum(one) / max(len(one), 1) + np.zeros(width) for one in taken])


def feed_forward(p, x):
    return x + linear(p["fc2"], np.maximum(linear(p["fc1"], x), 0))


def self_attention(p, query, position, heads: int) -> np.ndarray:
    """Queries and keys have positions, values have none."""
    asked, key = np.split(linear(p["query_key"], query + position), 2, axis=-1)
    value = linear(p["value"], query)
    found = [
        attend(*each) for each in zip(*(np.split(x, heads, -1) for x in (asked, key, value)),
                                      strict=True)
    ]  # fmt: skip
    return query + linear(p["out"], np.concatenate(found, axis=-1))


def star(heads: int, maps: int, distances: Sequence[int]) -> np.ndarray:
    """Offsets of a fresh layer: on the border of squares, in as many directions as heads."""
    turns = [2 * np.pi * head / heads for head in range(heads)]
    rays = [np.array([np.cos(t), np.sin(t)]) for t in turns]
    rays = [ray / max(abs(ray)) for ray in rays]
    return np.array([[[ray * d for d in distances] for _ in range(maps)] for ray in rays])
