"""From interleaved slots to one number a pair of processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def block_ratio(a_s: Sequence[float], b_s: Sequence[float]) -> float:
    """Logarithm of time B over time A in one block.

    Means of logarithms: in the order A B B A, whatever rises or falls steadily cancels.
    """
    return float(np.mean(np.log(b_s)) - np.mean(np.log(a_s)))


def pair_ratio(blocks: Iterable[tuple[Sequence[float], Sequence[float]]]) -> float:
    """Logarithm of time B over time A in one pair of processes: the median of its blocks.

    A pair is one sample. Its blocks are not more: whatever made one of the two processes fast or
    slow for its whole life (where its code and data lie, what the compiler chose) is in them all.

    Raises:
        ValueError: There are no blocks.
    """
    ratios = [block_ratio(a_s, b_s) for a_s, b_s in blocks]
    if not ratios:
        raise ValueError("a pair needs at least one block")
    return float(np.median(ratios))
