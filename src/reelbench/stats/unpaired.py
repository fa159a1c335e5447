"""Two samples taken apart in time: their ratio, its interval, and whether that decides anything.

What a case takes differs from round to round, from process to process and from one sitting to the
next; each can be many times the one before. An interval knows only what was repeated. Here the
highest level that was repeated is the sample: runs if there are several, else the processes of one
run, else nothing but the rounds of one process, which decide nothing by themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from scipy import special

from reelbench.stats.moderation import Prior
from reelbench.stats.verdict import Verdict

_USUAL = 0.95
_MOST = math.log(1e6)  # a factor of a million either way says that nothing is known


class Basis(StrEnum):
    """What was repeated, and so what an interval can know."""

    RUNS = "runs"
    PROCESSES = "processes of one run"
    FLOOR = "one process, and the spread that a self-test found"
    ROUNDS = "rounds of one process"


class Reason(StrEnum):
    """Why a verdict is what it is; what a verdict waits for stands first."""

    ONE_PROCESS = "one process shows nothing of what differs between processes"
    TOO_WIDE = "the interval reaches beyond the threshold on both sides"
    REACHES_OVER = "the interval reaches from no change to beyond the threshold"
    SMALL = "a change, but one that may be below the threshold"
    WITHIN = "the whole interval is within the threshold"
    BEYOND = "the interval excludes no change, and the change is beyond the threshold"


@dataclass(frozen=True)
class Priors:
    """What all cases of a side say together of how much one varies.

    Attributes:
        runs: From run to run.
        processes: From process to process of one run.
    """

    runs: Prior | None = None
    processes: Prior | None = None


NO_PRIORS = Priors()


@dataclass(frozen=True)
class Known:
    """What is known of the logarithm of the time of one case on one side.

    Attributes:
        middle: The estimate.
        parts: Variances of the estimate, each with its degrees of freedom.
        below: Reach of the 95 % interval of one process's rounds downward; 0 where processes or
            runs are the sample.
        above: The same upward.
        basis: What was repeated.
    """

    middle: float
    parts: tuple[tuple[float, float], ...]
    basis: Basis
    below: float = 0.0
    above: float = 0.0


@dataclass(frozen=True)
class Difference:
    """The logarithm of time new over time base: above 0, new is slower."""

    estimate: float
    low: float
    high: float
    confidence: float


def known(
    runs: Sequence[Sequence[float]],
    *,
    reach: tuple[float, float] = (0.0, 0.0),
    process_spread: float | None = None,
    session_spread: tuple[float, float] | None = None,
    priors: Priors = NO_PRIORS,
) -> Known:
    """What the medians of processes say.

    Args:
        runs: Median times of the processes of each run.
        reach: How far the interval of the rounds reaches below and above their median, as
            logarithms; used where there is one process alone.
        process_spread: Standard deviation of a median's logarithm from process to process, where a
            self-test found it.
        session_spread: The same from sitting to sitting, and its degrees of freedom; counted where
            there is one run alone, which says nothing of it.
        priors: What the other cases of the same runs say of how much a case varies.

    Raises:
        ValueError: There is no run, or one without processes.
    """
    if not runs or not all(len(run) for run in runs):
        raise ValueError("no samples")
    means = _means(runs)
    basis, variance, freedom = spread_of(runs)
    if basis is Basis.RUNS:
        variance, freedom = _moderated(variance, freedom, priors.runs)
        return Known(fmean(means), ((variance / len(runs), freedom),), basis)
    between = [] if session_spread is None else [(session_spread[0] ** 2, session_spread[1])]
    # A case of one process among cases of several has what these expect of it.
    if basis is Basis.PROCESSES or priors.processes is not None:
        variance, freedom = _moderated(variance, freedom, priors.processes)
        parts = ((variance / len(runs[0]), freedom), *between)
        return Known(means[0], parts, Basis.PROCESSES)
    if process_spread is None:
        return Known(means[0], (), Basis.ROUNDS, *reach)
    parts = ((process_spread**2, math.inf), *between)
    return Known(means[0], parts, Basis.FLOOR, *reach)


def spread_of(runs: Sequence[Sequence[float]]) -> tuple[Basis, float, float]:
    """What a case's own sample says of how much it varies: of what, the variance, its freedom."""
    if len(runs) > 1:
        return Basis.RUNS, _variance(_means(runs)), len(runs) - 1.0
    if len(runs[0]) > 1:
        logs = [math.log(each) for each in runs[0]]
        return Basis.PROCESSES, _variance(logs), len(logs) - 1.0
    return Basis.ROUNDS, 0.0, 0.0


def _means(runs: Sequence[Sequence[float]]) -> list[float]:
    # Without NumPy, which takes longer than the few numbers of a run are worth.
    return [math.fsum(map(math.log, run)) / len(run) for run in runs]


def _moderated(variance: float, freedom: float, prior: Prior | None) -> tuple[float, float]:
    return (variance, freedom) if prior is None else prior.moderated(variance, freedom)


def difference(base: Known, new: Known, confidence: float) -> Difference:
    """The ratio of two samples with an interval from all that is known of both.

    Variances add up, with the degrees of freedom of Welch & Satterthwaite (Biometrika 34, 1947).
    Where one process is all there is, the reach of its rounds' interval is added in quadrature, on
    either side its own.

    Args:
        base: What is compared with.
        new: What is judged.
        confidence: Coverage of the interval.
    """
    parts = [part for part in (*base.parts, *new.parts) if part[0] > 0]
    variance = math.fsum(part[0] for part in parts)
    freedom = math.inf
    if parts:
        weight = math.fsum(part[0] ** 2 / part[1] for part in parts)
        freedom = variance**2 / weight if weight else math.inf
    level = (1 + confidence) / 2
    half = _quantile(freedom, level) * math.sqrt(variance)
    stretch = _quantile(math.inf, level) / _quantile(math.inf, (1 + _USUAL) / 2)
    estimate = new.middle - base.middle
    down = math.hypot(half, stretch * base.above, stretch * new.below)
    up = math.hypot(half, stretch * base.below, stretch * new.above)
    return Difference(estimate, estimate - min(down, _MOST), estimate + min(up, _MOST), confidence)


def judge(
    found: Difference, threshold: float, bases: tuple[Basis, Basis]
) -> tuple[Verdict, Reason]:
    """The verdict on a difference, and its reason.

    ``unchanged`` is said only if the whole interval lies within the threshold, ``slower`` and
    ``faster`` only if the interval excludes no difference and the estimate is beyond the threshold.

    Args:
        found: The difference, with an interval of the confidence that a verdict takes.
        threshold: The difference that does not matter, such as 0.03 for 3 %.
        bases: What was repeated on either side.
    """
    if Basis.ROUNDS in bases:
        return Verdict.UNDECIDED, Reason.ONE_PROCESS
    bound = math.log1p(threshold)
    if -bound < found.low and found.high < bound:
        return Verdict.UNCHANGED, Reason.WITHIN
    excludes = found.low > 0 or found.high < 0
    if excludes and abs(found.estimate) >= bound:
        return (Verdict.SLOWER if found.estimate > 0 else Verdict.FASTER), Reason.BEYOND
    if excludes:
        return Verdict.UNDECIDED, Reason.SMALL
    if found.low <= -bound and found.high >= bound:
        return Verdict.UNDECIDED, Reason.TOO_WIDE
    return Verdict.UNDECIDED, Reason.REACHES_OVER


def _variance(values: Sequence[float]) -> float:
    """Of a sample, with one degree of freedom spent on its mean."""
    middle = fmean(values)
    return math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1)


def _quantile(freedom: float, level: float) -> float:
    if math.isinf(freedom):
        return float(special.ndtri(level))
    return float(special.stdtrit(max(freedom, 1.0), level))
