"""What several visits of one process to its cases say of how well a case is known.

A shared machine is faster for a while and slower for a while, and not every case by as much: one
that waits for memory may take twice as long where another takes a tenth more. A process that comes
back to a case some time later sees that of this very case. Two or three visits are few, so their
variance is drawn towards what the other cases of the run vary (`reelbench.stats.moderation`); and
visits that follow each other closely fall into the same while, so they count as fewer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import fmean, geometric_mean

from scipy import special

from reelbench.results.schema import Replicate
from reelbench.stats.interval import Interval, median_interval
from reelbench.stats.moderation import Prior, prior
from reelbench.stats.wandering import widened

METHOD = (
    "Student's t on the logarithms of the medians of {} of one process, their variance drawn "
    "towards that of the run's other cases, visits close in time counted as fewer; what differs "
    "between processes is not in it"
)

CORRELATION_S = 30.0
"""Time after which the correlation of two visits has fallen to 1/e.

Measured on shared virtual machines, whose slow phases last from seconds to minutes
(bench/steadiness.py prints it); on a machine that is steady there is little to be correlated.
"""

# Visits that are worth fewer degrees of freedom say too little to expect anything of other cases.
_FEWEST_FREEDOM = 1.0
_WIDEST = math.log(1000)


@dataclass(frozen=True)
class Visited:
    """What the visits to one case say.

    Attributes:
        middle: Mean of the logarithms of their medians.
        variance: Of a single visit, as a logarithm; 0 where there is only one.
        freedom: Degrees of freedom of the variance.
        independent: As many visits far apart would be worth as much.
    """

    middle: float
    variance: float
    freedom: float
    independent: float


def median_of(replicate: Replicate) -> float:
    """The median of a process's rounds; of several visits the geometric mean of their medians."""
    first, *later = map(_median, replicate.visits_s)
    return geometric_mean([first, *later]) if later else first


def _median(times: Sequence[float]) -> float:
    # As statistics.median, which takes several times as long for a few dozen numbers.
    ordered, middle = sorted(times), len(times) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def visited(replicate: Replicate) -> Visited:
    """Summarise the visits of a process to a case."""
    logs = [math.log(_median(each)) for each in replicate.visits_s]
    middle, count = fmean(logs), len(logs)
    if count == 1:
        return Visited(middle, 0.0, 0.0, 1.0)
    times = [0.0, *(each.after_s for each in replicate.later)]
    alike = math.fsum(
        math.exp(-abs(one - other) / CORRELATION_S) for one in times for other in times
    )
    # Mean correlation of two different visits. What is common to all cannot be seen in how they
    # differ, and tells as little of the variance as it takes away from it.
    shared = (alike - count) / (count * (count - 1))
    seen = max(1 - shared, 1e-6)
    squares = math.fsum((each - middle) ** 2 for each in logs)
    return Visited(
        middle=middle,
        variance=squares / (count - 1) / seen,
        freedom=(count - 1) * seen,
        independent=count**2 / alike,
    )


def usual(replicates: Iterable[Replicate]) -> Prior | None:
    """How much a visit varies as a rule, by the visits of one process to its cases.

    Returns:
        What to expect of a case; None where visits to too few cases are far enough apart.
    """
    known = map(visited, replicates)
    return prior(
        [(each.variance, each.freedom) for each in known if each.freedom >= _FEWEST_FREEDOM]
    )


def visits_interval(replicate: Replicate, expected: Prior, confidence: float = 0.95) -> Interval:
    """The interval of the time of a case from the visits of one process.

    A case that was visited once has what is expected of it, beside what its rounds say themselves.

    Args:
        replicate: The rounds of the process.
        expected: As `usual`.
        confidence: Nominal coverage.
    """
    found = visited(replicate)
    variance, freedom = expected.moderated(found.variance, found.freedom)
    half = -float(special.stdtrit(max(freedom, 1.0), (1 - confidence) / 2))
    half = min(half * math.sqrt(variance / found.independent), _WIDEST)
    count = len(replicate.visits_s)
    method = METHOD.format("a visit" if count == 1 else f"{count} visits")
    if count == 1:
        return replace(
            widened(median_interval(replicate.rounds_s, confidence), half), method=method
        )
    middle = math.exp(found.middle)
    return Interval(
        median=middle,
        low=middle * math.exp(-half),
        high=middle * math.exp(half),
        confidence=confidence,
        method=method,
    )


def rounds_interval(replicate: Replicate, wander: float | None) -> Interval:
    """The interval of the rounds of all visits as one stretch, with what the machine wanders.

    For where too few cases are visited to know what a visit varies.

    Args:
        replicate: The rounds of the process.
        wander: As of `reelbench.stats.wandering.widened`.
    """
    found = median_interval(list(chain.from_iterable(replicate.visits_s)))
    middle = median_of(replicate)
    found = replace(found, median=middle, low=min(found.low, middle), high=max(found.high, middle))
    return widened(found, wander)
