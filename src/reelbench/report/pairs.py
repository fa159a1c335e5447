"""Paired comparisons as tables: a verdict for each case, and counts over several files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.results.pairs import VERDICTS, Compared, Pair, PairedRun
from reelbench.units import print_change, print_duration, print_share, print_time

_COLUMNS = (
    Column("a", "", shown=False),
    Column("b", "", shown=False),
    Column("case", "case", give="fold"),
    Column("a_s", "time A", align="right"),
    Column("b_s", "time B", align="right"),
    Column("log_ratio", "B is", align="right"),
    Column("low", "", shown=False),
    Column("high", "", shown=False),
    Column("interval", "interval", align="right"),
    Column("spread", "spread", align="right"),
    Column("pairs", "pairs", align="right"),
    Column("verdict", "verdict"),
    Column("more_pairs", "", shown=False),
    Column("same_program", "", shown=False),
    Column("failure", "", shown=False),
)


def paired_tables(run: PairedRun) -> tuple[Table, ...]:
    """Tables of one comparison; the first is the main one."""
    counted = [f"{count} {verdict}" for verdict, count in verdict_counts([run]).items() if count]
    failed = [case for case in run.cases if case.failure]
    title = f"A ({run.a.words}) against B ({run.b.words}): {', '.join(counted) or 'no verdict'}"
    name = _namer(run.cases)
    rows = tuple(_row(case, name(case)) for case in run.cases)
    tables = [Table(title, _COLUMNS, rows, tuple(_notes(run)))]
    if failed:
        columns = (Column("case", "case"), Column("reason", "reason", give="fold"))
        rows = tuple((plain(name(case)), plain(case.failure)) for case in failed)
        tables.append(Table("Not compared in every pair", columns, rows))
    return tuple(tables)


def verdict_counts(runs: Sequence[PairedRun]) -> dict[str, int]:
    """How many cases got which verdict."""
    verdicts = [case.verdict for run in runs for case in run.cases]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}


def tally_table(named: Sequence[tuple[str, PairedRun]]) -> Table:
    """Verdicts of several comparisons counted, one row a file."""
    columns = (
        Column("file", "file", give="fold"),
        *(Column(verdict, verdict, align="right") for verdict in VERDICTS),
        Column("failed", "failed", align="right"),
        Column("seconds", "took", align="right"),
    )
    rows = [_tally(name, [run]) for name, run in named]
    rows.append(_tally(f"all {len(named)}", [run for _, run in named]))
    return Table("Verdicts counted", columns, tuple(rows))


def _tally(name: str, runs: Sequence[PairedRun]) -> tuple[Cell, ...]:
    seconds = sum(run.seconds for run in runs)
    failed = sum(case.failure is not None for run in runs for case in run.cases)
    counts = [plain(count) for count in verdict_counts(runs).values()]
    return (plain(name), *counts, plain(failed), Cell(seconds, print_duration(seconds)))


def _row(case: Compared, name: str) -> tuple[Cell, ...]:
    a_s, b_s = (_median(case.pairs, letter) for letter in ("a", "b"))
    estimate, low, high = case.estimate, case.low, case.high
    told: str = case.verdict or ("failed" if case.failure else "no pairs")
    if case.verdict == "undecided":
        told += f" (+{case.more_pairs})" if case.more_pairs else ""
    return (
        plain(case.a_name),
        plain(case.b_name),
        plain(name),
        Cell(a_s, "–" if a_s is None else print_time(a_s)),
        Cell(b_s, "–" if b_s is None else print_time(b_s)),
        Cell(estimate, "–" if estimate is None else print_change(estimate)),
        plain(None) if low is None else Cell(low, print_change(low)),
        plain(None) if high is None else Cell(high, print_change(high)),
        plain("–" if low is None or high is None else _interval(low, high)),
        Cell(case.spread, "–" if case.spread is None else print_share(case.spread)),
        plain(len(case.pairs)),
        Cell(case.verdict, told),
        plain(case.more_pairs),
        plain(None if case.same_program is None else int(case.same_program)),
        plain(case.failure),
    )


def _namer(cases: Sequence[Compared]) -> Callable[[Compared], str]:
    """Names a case; the file and class that all tests share go without saying."""
    owners = {name.rpartition("::")[0] for case in cases for name in (case.a_name, case.b_name)}
    shared = f"{owners.pop()}::" if len(owners) == 1 and "" not in owners else ""

    def name(case: Compared) -> str:
        names = [each.removeprefix(shared) for each in (case.a_name, case.b_name)]
        return " / ".join(dict.fromkeys(names))

    return name


def _interval(low: float, high: float) -> str:
    if high > math.log(100) or low < -math.log(100):
        return "unknown"
    return f"{print_change(low).removesuffix(' %')} to {print_change(high)}"


def _median(pairs: Sequence[Pair], letter: str) -> float | None:
    times = [
        t for pair in pairs for block in pair.blocks for t in getattr(block, f"{letter}_median_s")
    ]
    return float(np.median(times)) if times else None


def _notes(run: PairedRun) -> list[str]:
    notes = []
    if run.ended_early:
        notes.append(f"Ended early: {run.ended_early}.")
    confidences = [case.confidence for case in run.cases if case.confidence]
    level = f"at {100 * min(confidences):.2f} % confidence" if confidences else "unknown"
    threshold = print_share(run.threshold)
    notes.append(
        f"'B is' is the change of a call's time, its interval {level}. Unchanged: "
        f"the whole interval lies within ±{threshold}. Faster, slower: the interval excludes zero "
        f"and the change is {threshold} or more. Spread: standard deviation between pairs of fresh "
        "processes."
    )
    if any(case.more_pairs for case in run.cases):
        notes.append("Undecided (+n): about n more pairs would decide; see --pairs.")
    return [*notes, *_disturbed(run.cases), *run.notes]


def _disturbed(cases: Sequence[Compared]) -> list[str]:
    """How often something else on the machine got in the way."""
    pairs = [pair for case in cases for pair in case.pairs]
    marked = [pair for pair in pairs if pair.disturbed]
    retries = sum(pair.retries for pair in pairs)
    if not retries:
        return []
    what = sorted({words.partition(":")[0] for pair in marked for words in pair.disturbed})
    left = f", of which {len(marked)} stayed disturbed ({', '.join(what)})" if marked else ""
    return [f"Disturbed and taken again: {retries} of {len(pairs)} readings{left}."]
