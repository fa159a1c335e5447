"""How many more rounds or processes an interval of a wanted width would take."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, expm1

import numpy as np
from scipy import special

from reelbench.stats.interval import median_interval

_MOST = 10**6


def rounds_needed(rounds: Sequence[float], width: float) -> int:
    """Rounds in all that would give the median of one process a relative half-width of ``width``.

    The width falls with the square root of the number of rounds, whatever their autocorrelation.

    Args:
        rounds: Times of the rounds so far, in the order they ran.
        width: Wanted half-width over the median, such as 0.02.

    Raises:
        ValueError: There are no rounds, or the width is not positive.
    """
    if width <= 0:
        raise ValueError(f"a width of {width} cannot be reached")
    ratio = median_interval(rounds).relative_half_width / width
    return min(_MOST, max(1, ceil(len(rounds) * ratio**2)))


def runs_needed(medians: Sequence[float], width: float) -> int | None:
    """Processes in all that would give their geometric mean a relative half-width of ``width``.

    Args:
        medians: The median of each process so far.
        width: Wanted half-width over the geometric mean, such as 0.02.

    Returns:
        The number, or None for fewer than two processes, whose spread nobody knows.

    Raises:
        ValueError: The width is not positive.
    """
    if width <= 0:
        raise ValueError(f"a width of {width} cannot be reached")
    if len(medians) < 2:
        return None
    spread = float(np.std(np.log(medians), ddof=1))
    # Doubling, then halving: the half-width falls as the number rises.
    low, high = 1, 2
    while _half_width(spread, high) > width and high < _MOST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _half_width(spread, middle) <= width else (middle, high)
    return min(high, _MOST)


def _half_width(spread: float, count: int) -> float:
    """Of the 95 % interval of a geometric mean, by Student's t; ``spread`` is of the logarithms."""
    return expm1(min(float(special.stdtrit(count - 1, 0.975)) * spread / count**0.5, 700.0))
