"""What the harnesses claim, and how often that is right: intervals, rules, and their counting.

A claim is an interval that a harness prints, or that its readers compute from what it prints; a
rule is how it, or its readers, tell two runs apart. Both are judged on the same readings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median, stdev
from typing import Literal

from scipy import stats
from sitting import LOOP, Reading, Sitting

Interval = tuple[float, float]
# What an interval is about: a long-run figure of the plain loop is held against it.
About = Literal["mean", "median", "typical"]

_LEVEL = 0.05


@dataclass(frozen=True)
class Claim:
    """An interval, a rule that tells two runs apart, or both.

    Attributes:
        name: What it is, in a few words.
        about: What the interval is said to contain.
        figure: Name of the figure in its middle.
        nominal: The coverage that it claims, where it claims one.
        interval: Makes the interval from a reading.
        rule: What is said of two runs.
        differs: Whether the rule calls the later run different from the earlier.
    """

    name: str
    about: About = "median"
    figure: str = "median_s"
    nominal: float | None = None
    interval: Callable[[Reading], Interval] | None = None
    rule: str = ""
    differs: Callable[[Reading, Reading], bool] | None = None


@dataclass(frozen=True)
class Count:
    """How many of how many."""

    hits: int
    of: int

    @property
    def share(self) -> float | None:
        """The share, or None of nothing."""
        return self.hits / self.of if self.of else None

    def __add__(self, other: Count) -> Count:
        return Count(self.hits + other.hits, self.of + other.of)


@dataclass(frozen=True)
class Reference:
    """What the plain loop takes in the long run, over many processes.

    Attributes:
        median: Median of the medians of its processes.
        mean: Mean of their means.
        typical: Geometric mean of their medians.
        spread: Standard deviation of the logarithms of their medians.
        half_width: Relative half-width of the 95 % interval of ``typical`` (Student's t).
    """

    median: float
    mean: float
    typical: float
    spread: float
    half_width: float
    processes: int


def around(figure: str, half_width: Callable[[dict[str, float]], float]) -> Callable:
    """An interval of so much to both sides of a figure."""

    def interval(reading: Reading) -> Interval:
        middle, half = reading.figures[figure], half_width(reading.figures)
        return middle - half, middle + half

    return interval


def stated(reading: Reading) -> Interval:
    """The interval that the reading itself states."""
    return reading.figures["low_s"], reading.figures["high_s"]


def apart(one: Reading, other: Reading) -> bool:
    """Whether the intervals stated do not overlap."""
    (low, high), (low_other, high_other) = stated(one), stated(other)
    return high < low_other or high_other < low


def grew(figure: str, share: float) -> Callable[[Reading, Reading], bool]:
    """Whether a figure is larger by more than a share, as ``--benchmark-compare-fail`` asks."""
    return lambda earlier, later: later.figures[figure] / earlier.figures[figure] - 1 > share


def welch(one: Reading, other: Reading) -> bool:
    """Whether Welch's t-test tells the means of the rounds apart at 5 %."""
    sides = [
        (each.figures["mean_s"], each.figures["stddev_s"], each.figures["rounds"])
        for each in (one, other)
    ]
    if not any(stddev for _, stddev, _ in sides):
        return sides[0][0] != sides[1][0]
    return bool(stats.ttest_ind_from_stats(*sides[0], *sides[1], equal_var=False)[1] < _LEVEL)


def mann_whitney(one: Reading, other: Reading) -> bool:
    """Whether a Mann–Whitney test tells the rounds apart at 5 %."""
    test = stats.mannwhitneyu(one.rounds_ns, other.rounds_ns, method="asymptotic")
    return bool(test.pvalue < _LEVEL)


def reference(readings: Sequence[Reading]) -> Reference:
    """The long run of one function.

    Raises:
        ValueError: Fewer than two processes.
    """
    if len(readings) < 2:
        raise ValueError("a reference takes at least two processes of the plain loop")
    medians = [each.figures["median_s"] for each in readings]
    logarithms = [math.log(each) for each in medians]
    spread, count = stdev(logarithms), len(medians)
    return Reference(
        median=median(medians),
        mean=fmean(each.figures["mean_s"] for each in readings),
        typical=math.exp(fmean(logarithms)),
        spread=spread,
        half_width=float(stats.t.ppf(0.975, count - 1)) * spread / math.sqrt(count),
        processes=count,
    )


def references(sitting: Sitting) -> dict[str, Reference]:
    """The long run of every function that the plain loop timed often enough."""
    found = sitting.readings(LOOP)
    return {name: reference(each) for name, each in found.items() if len(each) > 1}


def half_width(claim: Claim, readings: Sequence[Reading]) -> float | None:
    """Median of the relative half-widths."""
    if claim.interval is None or not readings:
        return None
    ends = map(claim.interval, readings)
    return median((high - low) / (high + low) for low, high in ends)


def covers(claim: Claim, readings: Sequence[Reading], truth: float) -> Count:
    """How many of the intervals contain a time."""
    if claim.interval is None:
        return Count(0, 0)
    ends = [claim.interval(each) for each in readings]
    return Count(sum(low <= truth <= high for low, high in ends), len(ends))


def covers_others(claim: Claim, readings: Sequence[Reading]) -> Count:
    """How many of the intervals contain the long run of the other processes of the same harness.

    What a harness adds to every call alike is no fault of this look, only what it cannot know.
    """
    total = Count(0, 0)
    for nth, each in enumerate(readings):
        others = [other.figures[claim.figure] for other in (*readings[:nth], *readings[nth + 1 :])]
        if others:
            total += covers(claim, [each], (fmean if claim.about == "mean" else median)(others))
    return total


def false_alarms(claim: Claim, readings: Sequence[Reading]) -> Count:
    """How many pairs of runs of the same code the rule calls different, the earlier one first."""
    if claim.differs is None:
        return Count(0, 0)
    pairs = list(combinations(readings, 2))
    return Count(sum(claim.differs(one, other) for one, other in pairs), len(pairs))
