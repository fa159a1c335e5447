"""One machine over time: each case's series of runs, and where its level changed.

A point is what one run found of a case. Points stand in one series as long as the case is the same
work: identity, benchmark version, clock and protocol. Where one of them changes, or the limits on
the machine do, a new series begins, so that unlike times are never joined.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reelbench.compare.digest import Digest, Reading
from reelbench.compare.facts import Difference, differences
from reelbench.machine.fields import FIELDS
from reelbench.results.outcome import Outcome
from reelbench.results.schema import Fact, Identity
from reelbench.stats.steps import level_medians, steps
from reelbench.stats.verdict import error_of_case

_LIMITS = tuple(name for name, field in FIELDS.items() if field.kind in ("hardware", "limit"))


@dataclass(frozen=True)
class Point:
    """One case in one run: the run, and the geometric mean of its processes' medians."""

    run: Digest
    median_s: float


@dataclass(frozen=True)
class Step:
    """A change of level.

    Attributes:
        before: The last run of the level before.
        after: The first run of the new level.
        change: Logarithm of the new level's time over the one before.
        facts: What differs between the two runs, volatile facts left out.
        program: Whether another program was compiled.
    """

    before: Digest
    after: Digest
    change: float
    facts: tuple[Difference, ...]
    program: bool

    @property
    def direction(self) -> Literal["slower", "faster"]:
        """Which way it went."""
        return "slower" if self.change > 0 else "faster"


@dataclass(frozen=True)
class Series:
    """One case over time.

    Attributes:
        points: Oldest first.
        steps: Where its level changed, oldest first.
        superseded: Whether the case goes on in a later series, as other work.
    """

    identity: Identity
    points: tuple[Point, ...]
    steps: tuple[Step, ...]
    superseded: bool = False

    @property
    def change(self) -> float:
        """Logarithm of the last level's time over the first's."""
        return math.fsum(step.change for step in self.steps)


@dataclass(frozen=True)
class History:
    """All series of a machine.

    Attributes:
        runs: Oldest first.
        series: Those with the largest change of level first.
        repeated: Files of a run that another file holds too.
    """

    machine: str | None
    runs: tuple[Digest, ...]
    series: tuple[Series, ...]
    repeated: int


def history(digests: Iterable[Digest], *, threshold: float) -> History:
    """The history of the runs of one machine, in any order.

    Args:
        digests: The runs.
        threshold: The change of level that matters, as a share.

    Raises:
        ValueError: There is no run, or the runs are of several machines.
    """
    ordered = sorted(digests, key=lambda run: (run.created, sorted(run.run_ids), run.name))
    machines = {run.machine for run in ordered}
    if len(machines) != 1:
        raise ValueError("a history takes runs of one machine")
    runs = _distinct(ordered)
    grouped: defaultdict[tuple[object, ...], list[tuple[Digest, Reading]]] = defaultdict(list)
    for run in runs:
        limits = tuple((run.facts or {}).get(name) for name in _LIMITS)
        for reading in run.readings:
            if reading.outcome is Outcome.OK:
                key = (reading.identity, reading.version, reading.clock, run.protocol, limits)
                grouped[key].append((run, reading))
    alpha = error_of_case(len(grouped))
    series = [_series(rows, threshold, alpha) for rows in grouped.values()]
    latest = {each.identity: each for each in sorted(series, key=_last)}
    marked = [replace(each, superseded=each is not latest[each.identity]) for each in series]
    marked.sort(key=lambda each: -max((abs(step.change) for step in each.steps), default=0.0))
    return History(ordered[0].machine, tuple(runs), tuple(marked), len(ordered) - len(runs))


def _distinct(ordered: Sequence[Digest]) -> list[Digest]:
    """The runs, each once: a file merged of several runs gives way to those runs' own files."""
    kept: list[Digest] = []
    seen: set[str] = set()
    for run in sorted(ordered, key=lambda run: len(run.run_ids)):
        if run.run_ids and run.run_ids <= seen:
            continue
        seen |= run.run_ids
        kept.append(run)
    return sorted(kept, key=list(ordered).index)


def _series(rows: Sequence[tuple[Digest, Reading]], threshold: float, alpha: float) -> Series:
    points = tuple(Point(run, _level(reading)) for run, reading in rows)
    logs = [math.log(point.median_s) for point in points]
    places = steps(logs, smallest=math.log1p(threshold), alpha=alpha)
    levels = level_medians(logs, places)
    found = tuple(
        Step(
            before=rows[place - 1][0],
            after=rows[place][0],
            change=after - before,
            facts=_stable(rows[place - 1][0].facts, rows[place][0].facts),
            program=rows[place - 1][1].program != rows[place][1].program,
        )
        for place, (before, after) in zip(places, itertools.pairwise(levels), strict=True)
    )
    return Series(rows[0][1].identity, points, found)


def _level(reading: Reading) -> float:
    logs = [math.log(each) for run in reading.medians_s for each in run]
    return math.exp(math.fsum(logs) / len(logs))


def _stable(
    before: Mapping[str, Fact] | None, after: Mapping[str, Fact] | None
) -> tuple[Difference, ...]:
    rows = differences(before or {}, after or {}).rows
    return tuple(row for row in rows if row.kind != "volatile")


def _last(series: Series) -> str:
    return series.points[-1].run.created
