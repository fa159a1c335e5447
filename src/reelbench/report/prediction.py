"""A predicted training step, what it is made of, and what would make it surer."""

from __future__ import annotations

from math import exp

from reelbench.predict.parts import PartTime
from reelbench.predict.rates import NORMAL_90
from reelbench.predict.step import StepPrediction
from reelbench.report.facts import PROPERTY_COLUMNS
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.units import print_bytes, print_rate, print_share, print_time

STEP = 0
"""The place of the table of the step among those of `prediction_tables`."""


def prediction_tables(prediction: StepPrediction) -> tuple[Table, ...]:
    """The step, its parts and what is missing."""
    return tuple(
        table
        for table in (_step(prediction), _parts(prediction), _missing(prediction))
        if not table.is_empty
    )


def _step(prediction: StepPrediction) -> Table:
    asked, memory = prediction.asked, prediction.memory
    again = "rematerialised" if asked.rematerialised else "kept"
    factor = exp(prediction.structure.log_factor)
    lines: list[tuple[str, Cell]] = [
        ("machine", plain(prediction.machine)),
        ("extrapolated", plain("yes" if prediction.extrapolated else "no")),
        ("dtype, clips a step", plain(f"{asked.dtype}, {asked.batch}")),
        ("implementation", plain(asked.implementation)),
        ("step", Cell(prediction.step_s, print_time(prediction.step_s))),
        ("low, 90 % interval", Cell(prediction.low_s, print_time(prediction.low_s))),
        ("high", Cell(prediction.high_s, print_time(prediction.high_s))),
        ("clips/s", Cell(prediction.clips_per_s, print_rate(prediction.clips_per_s))),
        ("energy", _energy(prediction)),
        ("sum of the layers", Cell(prediction.sum_s, print_time(prediction.sum_s))),
        ("pages beyond them", Cell(prediction.paging_s, _signed_time(prediction.paging_s))),
        (
            "whole over these",
            Cell(factor, f"{factor:.3f}, from {prediction.structure.models} other models"),
        ),
        ("memory", Cell(memory.total, print_bytes(memory.total))),
        ("  parameters", Cell(memory.parameters, print_bytes(memory.parameters))),
        ("  optimizer", Cell(memory.optimizer, print_bytes(memory.optimizer))),
        ("  gradients", Cell(memory.gradients, print_bytes(memory.gradients))),
        (f"  activations, {again}", Cell(memory.activations, print_bytes(memory.activations))),
        ("  the last two at once", Cell(memory.temporary, print_bytes(memory.temporary))),
    ]
    rows = tuple((plain(name), cell) for name, cell in lines)
    return Table(prediction.model, PROPERTY_COLUMNS, rows, prediction.notes)


def _signed_time(seconds: float) -> str:
    return f"-{print_time(-seconds)}" if seconds < 0 else print_time(seconds)


def _energy(prediction: StepPrediction) -> Cell:
    joules = prediction.energy_j
    if joules is None:
        why = (
            "the layers of this machine were not measured"
            if prediction.extrapolated
            else ("no power was read while the layers ran")
        )
        return Cell(None, f"unknown: {why}")
    return Cell(joules, f"{joules:.3g} J")


_PARTS = (
    Column("part", "part", give="cut"),
    Column("pass", "pass"),
    Column("count", "times", align="right"),
    Column("case", "layer", give="cut"),
    Column("total_s", "time", align="right"),
    Column("share", "of step", align="right"),
    Column("spread", "±", align="right"),
    Column("way", "from", give="cut"),
    Column("nearest", "nearest", give="cut", shown=False),
    Column("implementation", "", shown=False),
)


def _parts(prediction: StepPrediction) -> Table:
    total = prediction.sum_s
    rows = tuple(_part_cells(part, total) for part in prediction.parts)
    return Table("Layers", _PARTS, rows)


def _part_cells(part: PartTime, total: float) -> tuple[Cell, ...]:
    share = part.total_s / total
    return (
        plain(part.name),
        plain(part.pass_),
        plain(part.count),
        plain(part.case),
        Cell(part.total_s, print_time(part.total_s)),
        Cell(share, print_share(share)),
        Cell(part.spread, print_share(exp(NORMAL_90 * part.spread) - 1)),
        plain(part.way),
        plain(part.nearest),
        plain(part.implementation),
    )


def _missing(prediction: StepPrediction) -> Table:
    if not prediction.missing and not prediction.advice:
        return Table("")
    columns = (
        Column("case", "layer"),
        Column("pass", "pass"),
        Column("way", "filled from"),
        Column("nearest", "nearest", give="cut"),
        Column("efficiency_s", "time", align="right"),
    )
    # A layer that stands in several places is to be measured once.
    once = {(part.case, part.pass_): part for part in prediction.missing}
    rows = tuple(
        (
            plain(part.case),
            plain(part.pass_),
            plain(part.way),
            plain(part.nearest or "–"),
            Cell(part.seconds, print_time(part.seconds)),
        )
        for part in once.values()
    )
    title = f"Not measured: {len(rows)}" if rows else "To narrow the interval"
    advice = tuple(f"{each}." for each in prediction.advice)
    return Table(title, columns if rows else (), rows, advice)
