"""What a machine's speed does from one second to the next, which the rounds of one cannot show.

A machine that is shared runs faster for a while and slower for a while. Rounds that were all made
within such a while agree with each other, and their interval says only how well their own median is
known. How far that median lies from the median of a long series is learnt from series of other
programs on the same machine: check standards beside a run, or those of a self-test. It is counted
without assuming a distribution (split conformal prediction: Vovk, Gammerman & Shafer, Algorithmic
Learning in a Random World, 2005, section 2.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from reelbench.results.schema import Reading
from reelbench.stats.interval import Interval

METHOD = (
    "order statistics of one process's rounds, autocorrelation counted, and how far a second's "
    "median wanders on this machine, by check standards timed beside the cases or by a self-test; "
    "what differs between processes is not in it"
)

FEWEST_READINGS = 5
"""Of each check standard; fewer say nothing of a machine."""
# From so many on the largest of twenty lacks what one in twenty lacks.
_ENOUGH_READINGS = 20


def wander(stretches: Sequence[tuple[Interval, float]], confidence: float = 0.95) -> float:
    """How much wider, as a logarithm, intervals must be to hold the reference as often as they say.

    Args:
        stretches: Intervals of stretches of rounds, each with the median of its long series.
        confidence: How often they shall hold it.

    Returns:
        What `widened` adds to each half, root of the sum of squares; 0 where they hold it as is.

    Raises:
        ValueError: There are none.
    """
    if not stretches:
        raise ValueError("no stretches")
    missing = sorted(_missing(interval, reference) for interval, reference in stretches)
    # The next one is as likely to fall between any two of those seen.
    rank = math.ceil((len(missing) + 1) * confidence)
    return missing[min(rank, len(missing)) - 1]


def wander_of(
    standards: Mapping[str, Sequence[Reading]], tested: float | None = None
) -> float | None:
    """How far a second's median wandered during a run.

    Args:
        standards: The readings of each check standard; each is a stretch of one long series.
        tested: What a self-test of the machine has found, if there was one: as long as the
            readings are few, the larger of the two counts.

    Returns:
        As `wander`; None where neither tells.
    """
    series = [readings for readings in standards.values() if len(readings) >= FEWEST_READINGS]
    if not series:
        return tested
    pairs = []
    for readings in series:
        reference = median(each.median_s for each in readings)
        pairs += [(_interval(each), reference) for each in readings]
    found = wander(pairs)
    if tested is not None and min(map(len, series)) < _ENOUGH_READINGS:
        return max(found, tested)
    return found


def _interval(reading: Reading) -> Interval:
    return Interval(reading.median_s, reading.low_s, reading.high_s, 0.95)


def widened(interval: Interval, by: float | None) -> Interval:
    """The interval with what the machine wanders in it.

    Args:
        interval: Of one process's rounds.
        by: What `wander` gave; None where nobody knows, which leaves the interval as it is.
    """
    if by is None:
        return interval
    below = math.hypot(math.log(interval.median / interval.low), by)
    above = math.hypot(math.log(interval.high / interval.median), by)
    return replace(
        interval,
        low=interval.median * math.exp(-below),
        high=interval.median * math.exp(above),
        method=METHOD,
    )


def _missing(interval: Interval, reference: float) -> float:
    """What an interval lacks to reach the reference; 0 if it does."""
    away = math.log(reference / interval.median)
    end = interval.low if away < 0 else interval.high
    return math.sqrt(max(away**2 - math.log(end / interval.median) ** 2, 0.0))
