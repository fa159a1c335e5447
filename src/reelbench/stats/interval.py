"""Intervals of medians: of one process's rounds, and of several processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from reelbench.stats.autocorrelation import independent_samples, trend

METHOD = (
    "order statistics of one process's rounds, autocorrelation counted; what differs between "
    "processes is not in it"
)

_FEWEST = 6
# Standard error of a normal sample's median, sqrt(pi/2) sigma/sqrt(n), over half the rank's reach
# 1/(2 sqrt(n)), with sigma from the quartiles.
_NORMAL_REACH = 2 * 1.2533 / 1.349

# A factor of a thousand either way says that nothing is known, and no number overflows.
_WIDEST = float(np.log(1000))


@dataclass(frozen=True)
class Interval:
    """A median with its interval.

    Attributes:
        median: Median of the samples.
        low: Lower end.
        high: Upper end.
        confidence: Coverage for independent samples; below the wanted one when there are too few.
        method: How it was made.
        independent: How many independent samples those of one process are worth; None otherwise.
    """

    median: float
    low: float
    high: float
    confidence: float
    method: str = METHOD
    independent: float | None = None

    @property
    def relative_half_width(self) -> float:
        """Half the width over the median."""
        return (self.high - self.low) / (2 * self.median)


def median_interval(samples: Sequence[float], confidence: float = 0.95) -> Interval:
    """The interval of the median of one process's rounds, honest about their autocorrelation.

    The number of samples below the median varies as that of so many independent ones (see
    `reelbench.stats.autocorrelation`) would; Student's t stands for how badly their number is known
    when they are few. The samples of the corresponding ranks are the ends, whatever the
    distribution (Woodruff, J. Am. Stat. Assoc. 47, 1952). A trend that is more than noise is taken
    out first: it belongs to all rounds and does not make their median less certain.

    Of fewer than six samples the extremes are the ends, with the coverage that independent samples
    would have (David & Nagaraja, Order Statistics, 3rd ed., section 7.1).

    Args:
        samples: Times in the order measured.
        confidence: Nominal coverage.

    Raises:
        ValueError: There are no samples, or one that is no positive number.
    """
    times = np.asarray(samples, float)
    count = len(times)
    if count == 0:
        raise ValueError("no samples")
    if not np.all(np.isfinite(times)) or np.min(times) <= 0:
        raise ValueError("a time is no positive number")
    median = float(np.median(times))
    if count < _FEWEST:
        covers = max(0.0, 1 - 2 / 2**count)
        low, high = float(np.min(times)), float(np.max(times))
        return Interval(median, low, high, min(covers, confidence), independent=float(count))
    logs = np.log(times)
    line, is_trend = trend(logs)
    if is_trend:
        logs = logs - line
    independent = independent_samples(logs)
    quantile = -float(special.stdtrit(max(independent - 1, 1.5), (1 - confidence) / 2))
    low, high = _ends(np.sort(logs), quantile / (2 * math.sqrt(independent)))
    return Interval(
        median=median,
        low=min(math.exp(low), median),
        high=max(math.exp(high), median),
        confidence=confidence,
        independent=independent,
    )


def _ends(ordered: np.ndarray, reach: float) -> tuple[float, float]:
    """The quantiles ``reach`` below and above the median; beyond the extremes, extrapolated."""
    count = len(ordered)
    levels = (np.arange(count) + 0.5) / count
    low = float(np.interp(0.5 - reach, levels, ordered))
    high = float(np.interp(0.5 + reach, levels, ordered))
    if reach <= 0.5 - levels[0]:
        return low, high
    # Too few independent samples for their extremes to be the ends: the width of a normal
    # distribution with the same quartiles.
    lower, middle, upper = np.percentile(ordered, (25, 50, 75))
    half = min(_NORMAL_REACH * reach * float(upper - lower), _WIDEST)
    return min(low, float(middle) - half), max(high, float(middle) + half)


def process_interval(medians_s: Sequence[float], confidence: float = 0.95) -> Interval:
    """The interval of the geometric mean of the medians of several processes.

    What differs from process to process (where code and data lie, what else runs) is in the medians
    and not in the rounds of any one of them, so the medians are the sample: Student's t on their
    logarithms.

    Args:
        medians_s: Median time of each process.
        confidence: Nominal coverage.

    Raises:
        ValueError: There are fewer than two.
    """
    count = len(medians_s)
    if count < 2:
        raise ValueError(f"{count} processes show nothing of what differs between processes")
    logs = np.log(medians_s)
    half = float(special.stdtrit(count - 1, (1 + confidence) / 2) * np.std(logs, ddof=1))
    half = min(half / count**0.5, _WIDEST)
    middle = float(np.mean(logs))
    return Interval(
        median=float(np.exp(middle)),
        low=float(np.exp(middle - half)),
        high=float(np.exp(middle + half)),
        confidence=confidence,
        method=f"Student's t on the logarithms of the medians of {count} processes",
    )


def drift(samples: Sequence[float]) -> float | None:
    """Median of the last half over that of the first, minus 1; None for fewer than four samples."""
    half = len(samples) // 2
    if half < 2:
        return None
    return float(np.median(samples[-half:]) / np.median(samples[:half]) - 1)
