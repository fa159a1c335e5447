"""Pooling in plain float64 NumPy: one slice a tap."""

from collections.abc import Iterator, Sequence

import numpy as np


def max_pool(
    x: np.ndarray, window: Sequence[int], strides: Sequence[int], padding: Sequence[int]
) -> np.ndarray:
    """Largest value of every window of a channels-last batch, padded by that much on each side."""
    padded = np.pad(x, [(0, 0), *((p, p) for p in padding), (0, 0)], constant_values=-np.inf)
    return np.max(list(taps(padded, window, strides)), axis=0)


def average_pool(x: np.ndarray, window: Sequence[int]) -> np.ndarray:
    """Mean of every window that lies inside the input."""
    return np.mean(list(taps(x, window, (1, 1, 1))), axis=0)


def taps(x: np.ndarray, window: Sequence[int], strides: Sequence[int]) -> Iterator[np.ndarray]:
    """For each position inside the window, what the windows have there."""
    sizes = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], window, strides, strict=True)]
    for tap in np.ndindex(*window):
        inside = tuple(
            slice(t, t + s * (n - 1) + 1, s) for t, s, n in zip(tap, strides, sizes, strict=True)
        )
        yield x[(slice(None), *inside)]
