"""Finds where the level of a series changed: the history of one case over many runs.

The cut of a series into levels that leaves the least squares within them, at a price for each cut,
is found exactly (optimal partitioning: Jackson et al., IEEE Signal Processing Letters 12, 2005). It
is generous; what it proposes must then stand a test: Student's t between the neighbouring levels,
at a level that pays for all the places where a cut could have been (Bonferroni's inequality). The
weakest cut goes first, until all that are left are sure and large enough to matter.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from scipy import special

FEWEST = 3
"""Values that a level takes: one run, or two in a row, can be a bad afternoon."""

# Median of the sizes of differences of two standard normal values.
_DIFFERENCE = math.sqrt(2) * 0.6745


def steps(values: Sequence[float], *, smallest: float, alpha: float) -> list[int]:
    """Places at which a new level begins, in order.

    Args:
        values: The series, such as logarithms of times.
        smallest: The change of level that matters.
        alpha: Probability of finding a step in a series that has none and whose values are
            independent and normal.
    """
    series = np.asarray(values, float)
    if len(series) < 2 * FEWEST:
        return []
    places = _proposed(series)
    while places:
        bounds = [0, *places, len(series)]
        parts = [series[start:end] for start, end in itertools.pairwise(bounds)]
        doubts = [
            _doubt(one, other, alpha / len(series), smallest)
            for one, other in itertools.pairwise(parts)
        ]
        weakest = int(np.argmax(doubts))
        if doubts[weakest] < 1:
            break
        del places[weakest]
    return places


def _proposed(series: np.ndarray) -> list[int]:
    """The cut of least squares at a price that is low for what chance alone would pay."""
    count = len(series)
    # Of neighbours, so that the steps themselves do not count as noise.
    noise = float(np.median(np.abs(np.diff(series)))) / _DIFFERENCE
    price = 2 * math.log(count) * max(noise, 1e-9) ** 2
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (series, series**2))
    best, before = np.full(count + 1, np.inf), np.zeros(count + 1, int)
    best[0] = -price
    for end in range(FEWEST, count + 1):
        starts = np.arange(0, end - FEWEST + 1)
        lengths = end - starts
        within = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / lengths
        costs = best[starts] + within + price
        before[end] = int(np.argmin(costs))
        best[end] = costs[before[end]]
    places: list[int] = []
    place = int(before[count])
    while place:
        places.append(place)
        place = int(before[place])
    return places[::-1]


def _doubt(one: np.ndarray, other: np.ndarray, alpha: float, smallest: float) -> float:
    """How far two levels are from being surely and sufficiently apart; below 1 they are."""
    freedom = len(one) + len(other) - 2
    within = len(one) * float(np.var(one)) + len(other) * float(np.var(other))
    # Equal values have no spread to test against; the smallest of floating point stands for it.
    error = math.sqrt(max(within, 1e-24) / freedom * (1 / len(one) + 1 / len(other)))
    bound = -float(special.stdtrit(freedom, alpha / 2)) * error
    apart = abs(float(np.mean(one) - np.mean(other)))
    medians = abs(float(np.median(one) - np.median(other)))
    return max(bound / max(apart, 1e-300), smallest / max(medians, 1e-300))


def level_medians(values: Sequence[float], places: Sequence[int]) -> list[float]:
    """Median of each level of a series that has steps at these places."""
    bounds = [0, *places, len(values)]
    return [float(np.median(values[start:end])) for start, end in itertools.pairwise(bounds)]
