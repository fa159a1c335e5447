"""From interleaved slots to one number a pair of processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def block_ratio(a_s: Sequence[float], b_s: Sequence[float]) -> float:
    """Logarithm of time B over time A in one block: the fastest of each side's rounds.

    What else runs on a machine only ever makes a call slower, often by half, and rarely misses a
    whole slot. Within a block of a quarter of a second the fastest round of each side is therefore
    what the code takes; over the blocks the median says what it takes as a rule.
    """
    return float(np.log(np.min(b_s)) - np.log(np.min(a_s)))


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
