"""Levels of cases with what is common to a process taken out.

On a shared machine everything that a process measures is faster or slower than in another, as
neighbours come and go. Cases that were not measured in the same processes would differ by that
alone. So the logarithm of each process's median is taken as the sum of the case's level, what is
common to the process, and a rest: two-way analysis of variance, with processes as blocks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reelbench.results.schema import CaseRecord
from reelbench.stats.visits import median_of

# What is common to a process is shrunk as if so many further cases had shown nothing of it: of a
# process that measured few cases little is known.
_SHRINK = 2.0
_TURNS = 100


@dataclass(frozen=True)
class Levels:
    """What a file's cases take at the common speed of its processes.

    Attributes:
        logs: Logarithm of each case's level, in the order of the cases.
        rest: Standard deviation of what neither case nor process explains, of one process; None
            where too little was repeated to tell.
        common: Standard deviation of what is common to a process; None likewise.
    """

    logs: tuple[float, ...]
    rest: float | None
    common: float | None


def levels_of(records: Sequence[CaseRecord]) -> Levels:
    """Fit the levels of the cases of a file."""
    names = sorted({each.process for r in records for each in r.timing.replicates})
    place = {name: n for n, name in enumerate(names)}
    rows, columns, values = [], [], []
    for row, record in enumerate(records):
        for each in record.timing.replicates:
            rows.append(row)
            columns.append(place[each.process])
            values.append(math.log(median_of(each)))
    if not values:
        return Levels((), None, None)
    case, process, logs = np.array(rows), np.array(columns), np.array(values)
    of_case, of_process = _fit(case, process, logs, len(records), len(names))
    rest = logs - of_case[case] - of_process[process]
    freedom = len(logs) - len(records) - (len(names) - 1)
    if freedom < 1:
        return Levels(tuple(of_case), None, None)
    common = float(np.std(of_process, ddof=1)) if len(names) > 1 else None
    return Levels(tuple(of_case), float(np.sqrt(np.sum(rest**2) / freedom)), common)


def _fit(
    case: np.ndarray, process: np.ndarray, logs: np.ndarray, cases: int, processes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Alternate between the levels of the cases and what is common to the processes."""
    each_case = np.bincount(case, minlength=cases)
    each_process = np.bincount(process, minlength=processes)
    of_process = np.zeros(processes)
    of_case = np.zeros(cases)
    for _ in range(_TURNS):
        of_case = np.bincount(case, logs - of_process[process], cases) / each_case
        # Only what is shared with other processes tells: a case of one process takes its level.
        sums = np.bincount(process, logs - of_case[case], processes)
        of_process = sums / (each_process + _SHRINK)
        of_process -= np.average(of_process, weights=each_process)
    return of_case, of_process
