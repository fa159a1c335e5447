"""Intervals of a median from the order of the samples, without assuming their distribution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

METHOD = "order statistics of one process's rounds; what differs between processes is not in it"


@dataclass(frozen=True)
class Interval:
    """A median with its interval.

    Attributes:
        median: Median of the samples.
        low: Lower end.
        high: Upper end.
        confidence: Coverage for independent samples; below the wanted one when there are too few.
        method: How it was made.
    """

    median: float
    low: float
    high: float
    confidence: float
    method: str = METHOD

    @property
    def relative_half_width(self) -> float:
        """Half the width over the median."""
        return (self.high - self.low) / (2 * self.median)


def median_interval(samples: Sequence[float], confidence: float = 0.95) -> Interval:
    """The narrowest symmetric order-statistic interval that covers the median with ``confidence``.

    The number of independent samples below the median is binomial with probability one half, so the
    k-th smallest and k-th largest enclose it with a probability that does not depend on the
    distribution (David & Nagaraja, Order Statistics, 3rd ed., section 7.1).

    Raises:
        ValueError: There are no samples.
    """
    ordered = np.sort(np.asarray(samples, float))
    count = len(ordered)
    if count == 0:
        raise ValueError("no samples")
    rank, coverage = 0, 0.0
    for candidate, covers in enumerate(_coverages(count)):
        if candidate and covers < confidence:
            break
        rank, coverage = candidate, covers
    return Interval(
        median=float(np.median(ordered)),
        low=float(ordered[rank]),
        high=float(ordered[count - 1 - rank]),
        confidence=coverage,
    )


def _coverages(count: int) -> Iterator[float]:
    """Probabilities that the median lies between the samples 0, 1, 2, ... from either end."""
    ways = outside = 1
    for rank in range(1, (count + 1) // 2 + 1):
        yield max(0.0, 1 - 2 * (outside / 2**count))
        ways = ways * (count - rank + 1) // rank  # the next binomial coefficient
        outside += ways


def drift(samples: Sequence[float]) -> float | None:
    """Median of the last half over that of the first, minus 1; None for fewer than four samples."""
    half = len(samples) // 2
    if half < 2:
        return None
    return float(np.median(samples[-half:]) / np.median(samples[:half]) - 1)
