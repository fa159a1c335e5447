"""Predictions beside what was measured, and how wrong they were."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.predict.validation import Across, Again, Checked, Filling, Summary, summarise
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.units import print_share, print_time

STEPS = 0
"""The place of the table of steps among those of `validation_tables`."""

_STEPS = (
    Column("model", "model", give="cut"),
    Column("pass", "pass"),
    Column("predicted_s", "predicted", align="right"),
    Column("reach", "±", align="right"),
    Column("low_s", "from", align="right", shown=False),
    Column("high_s", "to", align="right", shown=False),
    Column("measured_s", "measured", align="right"),
    Column("error", "error", align="right"),
    Column("held", "held"),
    Column("sum_error", "sum's", align="right"),
    Column("memory_error", "memory", align="right"),
    Column("missing", "filled", align="right"),
    Column("file", "", shown=False),
    Column("dtype", "", shown=False),
    Column("batch", "", shown=False),
)
_GROUPS = (
    Column("group", "left out", give="fold"),
    Column("count", "predictions", align="right"),
    Column("median", "median error", align="right"),
    Column("mean", "mean", align="right"),
    Column("worst", "worst", align="right"),
    Column("bias", "bias", align="right"),
    Column("held", "intervals held", align="right"),
)


def validation_tables(
    checked: Sequence[Checked],
    again: Again,
    filled: Sequence[Filling],
    across: Sequence[Across],
) -> tuple[Table, ...]:
    """Every step, and summaries by what was left out."""
    tables = []
    if checked:
        rows = tuple(map(_step_cells, checked))
        notes = (
            "Each from the layers of its own run; the steps of all other models tell what a sum",
            "misses. sum's: error of the bare sum. memory: against the compiled program.",
        )
        tables.append(Table("Whole training steps", _STEPS, rows, (" ".join(notes),)))
    groups = _groups(checked, again, filled, across)
    tables.append(Table("Errors", _GROUPS, tuple(map(_summary_cells, groups))))
    return tuple(tables)


def _groups(
    checked: Sequence[Checked],
    again: Again,
    filled: Sequence[Filling],
    across: Sequence[Across],
) -> list[Summary]:
    found = []
    for pass_ in dict.fromkeys(each.measured.pass_ for each in checked):
        mine = [each for each in checked if each.measured.pass_ == pass_]
        found.append(_of_steps(f"the model: {pass_}", mine))
    if checked:
        whole = [each for each in checked if not each.mostly_filled]
        found.append(_of_steps("the model: all", checked))
        if whole and len(whole) < len(checked):
            found.append(_of_steps("the model: all whose layers were measured", whole))
        memory = [each.memory_error for each in checked]
        found.append(summarise("the model: memory", memory))
    if again.steps:
        found.append(summarise("nothing: the step measured again", again.steps))
    if again.layers:
        found.append(summarise("nothing: the layer in another sitting", again.layers))
    found += [
        summarise(f"the layer: filled from {each.way}", each.errors, each.held) for each in filled
    ]
    found += [
        summarise(f"{pair.there}: {pair.what}, from {pair.here}", pair.errors, pair.held)
        for pair in across
    ]
    return found


def _of_steps(name: str, checked: Sequence[Checked]) -> Summary:
    return summarise(name, [each.error for each in checked], [each.held for each in checked])


def _step_cells(each: Checked) -> tuple[Cell, ...]:
    prediction, measured = each.prediction, each.measured
    reach = prediction.high_s / prediction.step_s - 1
    missing = sum(part.total_s for part in prediction.missing) / prediction.sum_s
    return (
        plain(prediction.model),
        plain(measured.pass_),
        Cell(prediction.step_s, print_time(prediction.step_s)),
        Cell(reach, print_share(reach)),
        Cell(prediction.low_s, print_time(prediction.low_s)),
        Cell(prediction.high_s, print_time(prediction.high_s)),
        Cell(measured.median_s, print_time(measured.median_s)),
        _signed(each.error),
        Cell(each.held, "yes" if each.held else "no"),
        _signed(each.sum_error),
        _signed(each.memory_error),
        Cell(missing, print_share(missing) if missing else ""),
        plain(each.source),
        plain(measured.dtype),
        plain(measured.batch),
    )


def _summary_cells(each: Summary) -> tuple[Cell, ...]:
    held = Cell(None, "") if each.held is None else Cell(each.held, print_share(each.held))
    return (
        plain(each.name),
        plain(each.count),
        Cell(each.median, print_share(each.median)),
        Cell(each.mean, print_share(each.mean)),
        Cell(each.worst, print_share(each.worst)),
        _signed(each.bias),
        held,
    )


def _signed(error: float) -> Cell:
    return Cell(error, f"{100 * error:+.1f} %")
