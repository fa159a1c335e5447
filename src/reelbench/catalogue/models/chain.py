"""Blocks in a row and the shapes between them, for compositions of autoencoders."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from reelbench.catalogue.models.model import Part, part

Clip = tuple[int, int, int]


def chain(
    name: str,
    layer: str,
    shape: Clip,
    widths: list[int],
    *,
    inputs: Mapping[str, tuple[int, ...]] | None = None,
    **options: Any,
) -> list[Part]:
    """Residual blocks in a row, from each width to the next; equal ones are one part.

    Args:
        name: Their place in the model.
        layer: ``family.Class``, with options ``in_features`` and ``out_features``.
        shape: Frames, height and width.
        widths: Channels of the first input and of every output.
        inputs: Further inputs of every block.
        options: Further options of every block.
    """
    pairs = list(itertools.pairwise(widths))
    parts = []
    for pair in dict.fromkeys(pairs):
        label = name if len(set(pairs)) == 1 else f"{name}{pairs.index(pair)}"
        given = {"x": (*shape, pair[0]), **(inputs or {})}
        sizes: dict[str, Any] = {"in_features": pair[0], "out_features": pair[1]}
        parts.append(part(label, layer, given, count=pairs.count(pair), **sizes, **options))
    return parts


def shrink(shape: Clip, factors: Clip) -> Clip:
    """Frames, height and width after a causal down-sampling, which keeps the first frame."""
    t, h, w = shape
    return ((t - 1) // factors[0] + 1, h // factors[1], w // factors[2])


def grow(shape: Clip, factors: Clip) -> Clip:
    """Frames, height and width after a causal up-sampling, which keeps the first frame."""
    t, h, w = shape
    return ((t - 1) * factors[0] + 1, h * factors[1], w * factors[2])
