"""The history of a machine as tables: the steps first, then every case over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reelbench.compare.history import History, Series, Step
from reelbench.report.facts import fact_cell, fact_label
from reelbench.report.layers import IDENTITY_COLUMNS, case_namer, case_order, identity_cells
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.stats.steps import FEWEST
from reelbench.stats.verdict import error_of_case
from reelbench.units import print_change, print_share, print_time

SERIES = 1
"""Place of the main table."""

_BARS = "▁▂▃▄▅▆▇█"
_MOST_POINTS = 24
_FLAT = 0.02  # a logarithm; less than that from lowest to highest is drawn level
_MOST_FACTS = 4


def history_tables(history: History, threshold: float) -> tuple[Table, ...]:
    """Tables of a history; `SERIES` is the main one.

    Args:
        history: What `reelbench.compare.history` returned.
        threshold: The change of level that matters.
    """
    return (_steps(history, threshold), _series(history))


def _steps(history: History, threshold: float) -> Table:
    found = [(series, step) for series in history.series for step in series.steps]
    name = case_namer(series.identity for series in history.series)
    count = len(history.series)
    columns = (
        *IDENTITY_COLUMNS,
        Column("log_change", "time", align="right"),
        Column("after", "from", give="fold"),
        Column("commits", "commits"),
        Column("facts", "with it changed", give="fold"),
        Column("direction", "", shown=False),
    )
    rows = tuple(
        (
            *identity_cells(series.identity, name),
            Cell(step.change, print_change(step.change)),
            Cell(step.after.created, _when(step.after.created)),
            Cell(_commits(step), _commits(step)),
            Cell(_facts(step, None), _facts(step, _MOST_FACTS)),
            plain(step.direction),
        )
        for series, step in sorted(found, key=lambda each: each[1].after.created)
    )
    runs = len(history.runs)
    first, last = history.runs[0].created, history.runs[-1].created
    where = history.machine or "an unknown machine"
    title = (
        f"{where}: {runs} runs, {_when(first)} to {_when(last)}; {len(rows)} "
        f"{'step' if len(rows) == 1 else 'steps'} in {count} series"
    )
    level = 100 * (1 - error_of_case(count))
    notes = [
        f"A step: the level of a case changed by {print_share(threshold)} or more, between at "
        f"least {FEWEST} runs before and after, at {level:.2f} % confidence."
    ]
    short = sum(len(series.points) < 2 * FEWEST for series in history.series)
    if short:
        notes.append(f"Too few runs to find a step (fewer than {2 * FEWEST}): {short} series.")
    old = sum(series.superseded for series in history.series)
    if old:
        notes.append(
            f"{old} series ended and went on as other work: benchmark version, protocol, clock or "
            "limits changed."
        )
    if history.repeated:
        notes.append(f"{history.repeated} files repeat runs and count once.")
    return Table(title, columns, rows, tuple(notes))


def _series(history: History) -> Table:
    name = case_namer(series.identity for series in history.series)
    columns = (
        *IDENTITY_COLUMNS,
        Column("runs", "runs", align="right"),
        Column("first_s", "first", align="right"),
        Column("last_s", "last", align="right"),
        Column("log_range", "range", align="right"),
        Column("steps", "steps", align="right"),
        Column("line", "slower is higher"),
        Column("superseded", "", shown=False),
    )
    ordered = sorted(history.series, key=lambda each: (not each.steps, case_order(each.identity)))
    rows = tuple((*identity_cells(each.identity, name), *_cells(each)) for each in ordered)
    return Table("Cases over time, those with steps first", columns, rows)


def _cells(series: Series) -> tuple[Cell, ...]:
    times = [point.median_s for point in series.points]
    spread = math.log(max(times) / min(times))
    return (
        plain(len(times)),
        Cell(times[0], print_time(times[0])),
        Cell(times[-1], print_time(times[-1])),
        Cell(spread, print_change(spread).removeprefix("+")),
        plain(len(series.steps)),
        plain(sparkline(times)),
        plain(int(series.superseded)),
    )


def sparkline(times: Sequence[float]) -> str:
    """The last times as bars between the lowest and the highest of them."""
    logs = [math.log(each) for each in times[-_MOST_POINTS:]]
    low, high = min(logs), max(logs)
    if high - low < _FLAT:
        return _BARS[3] * len(logs)
    top = len(_BARS) - 1
    return "".join(_BARS[round(top * (each - low) / (high - low))] for each in logs)


def _when(created: str) -> str:
    return created[:10] or "?"


def _commits(step: Step) -> str:
    ends = [(run.commit or "?")[:7] for run in (step.before, step.after)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]}..{ends[1]}"


def _facts(step: Step, most: int | None) -> str:
    said = [
        f"{fact_label(row.name)} {fact_cell(row.name, row.base).text} → "
        f"{fact_cell(row.name, row.new).text}"
        for row in step.facts
    ]
    if step.program:
        said.append("the compiled program")
    shown = said[:most]
    more = f"; {len(said) - len(shown)} more" if len(said) > len(shown) else ""
    return "; ".join(shown) + more if said else "nothing that is recorded"
