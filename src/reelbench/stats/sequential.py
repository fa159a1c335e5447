"""Looking at growing data several times without claiming more than was allowed for one look.

A comparison that may stop at each of several looks has as many chances of a false alarm. The error
allowed is therefore spent over the looks: little at the early ones, most at the last one, with the
spending function of Lan & DeMets (Biometrika 70, 1983) that is like the boundaries of O'Brien &
Fleming (Biometrics 35, 1979). It needs to know the largest sample, not the looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy import special

# Points of the density that is carried from look to look; the levels are right to four digits.
_GRID = 1201


def critical(looks: Sequence[int], largest: int, alpha: float) -> float:
    """What the t statistic must exceed in size at the last of the looks made so far.

    The levels are those of normal data with a known spread; they are carried over to Student's t
    with one degree of freedom less than there are samples (Jennison & Turnbull, Group Sequential
    Methods, 2000, section 3.8).

    Args:
        looks: Sample counts of the looks, growing; the last is the one that is made now.
        largest: Count at which the comparison ends at the latest.
        alpha: Probability of exceeding it at any of the looks if there is no difference.

    Raises:
        ValueError: The looks do not grow, begin below 2 or end above the largest.
    """
    counts = tuple(looks)
    if not counts or counts[0] < 2 or counts[-1] > largest or sorted(set(counts)) != list(counts):
        raise ValueError(f"looks at {counts} of {largest}: must grow from at least 2")
    return float(-special.stdtrit(counts[-1] - 1, nominal_levels(counts, largest, alpha)[-1] / 2))


@cache
def nominal_levels(looks: tuple[int, ...], largest: int, alpha: float) -> tuple[float, ...]:
    """The two-sided level at which each look is made, so that all together spend ``alpha``.

    The recursion of Armitage, McPherson & Rowe (J. R. Stat. Soc. A 132, 1969): the density of the
    sum of what was seen, as far as it did not end the comparison, is carried from look to look.
    """
    levels: list[float] = []
    spent = 0.0
    before = 0.0
    sums, density = np.zeros(1), np.ones(1)  # a sum of nothing: all weight at zero
    for look in looks:
        time = look / largest
        share = spending(time, alpha) - spent
        spent += share
        step = np.sqrt(time - before)
        before = time
        bound = _bound(sums, density, float(step), share)
        levels.append(float(2 * special.ndtr(-bound / np.sqrt(time))))
        sums, density = _carried(sums, density, float(step), bound)
    return tuple(levels)


def spending(time: float, alpha: float) -> float:
    """How much of ``alpha`` may be spent when a share ``time`` of the largest sample is there.

    Both sides' halves of it are spent alike.
    """
    if time <= 0:
        return 0.0
    return float(4 * special.ndtr(special.ndtri(alpha / 4) / np.sqrt(min(time, 1.0))))


def _bound(sums: np.ndarray, density: np.ndarray, step: float, share: float) -> float:
    """The size beyond which the next sum lies with probability ``share``."""
    from scipy import optimize  # takes a while to load, and commands that read files need it not

    def excess(bound: float) -> float:
        beyond = special.ndtr((-bound - sums) / step) + special.ndtr((sums - bound) / step)
        # Logarithms: the share of an early look may be far below the tolerance of the search.
        return float(np.log(np.sum(density * beyond) + 1e-300) - np.log(share))

    return float(optimize.brentq(excess, 0.0, 40.0 * max(step, 1.0), xtol=1e-10))


def _carried(
    sums: np.ndarray, density: np.ndarray, step: float, bound: float
) -> tuple[np.ndarray, np.ndarray]:
    """The next sums inside the bound, and the weight of each."""
    # Far tails hold nothing; a finite grid over what holds something is finer.
    reach = min(bound, float(np.max(np.abs(sums))) + 9 * step)
    grid = np.linspace(-reach, reach, _GRID)
    width = np.full(_GRID, grid[1] - grid[0])
    width[[0, -1]] /= 2
    kernel = np.exp(-0.5 * ((grid[:, None] - sums[None, :]) / step) ** 2)
    return grid, (kernel @ density) / (step * np.sqrt(2 * np.pi)) * width
