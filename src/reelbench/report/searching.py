"""Answers found on a grid – devices, times, sizes – and the grids of sweeps, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.capacity.answers import Found
from reelbench.capacity.quantities import Dimension, digits, dimension_of, print_quantity
from reelbench.capacity.sweep import Axis, Point
from reelbench.report.quantities import shown
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.units import print_share

_SECOND, _JOULE, _DOLLAR = (dimension_of(unit) for unit in ("s", "J", "$"))


def found_table(title: str, name: str, dimension: Dimension, found: Found) -> Table:
    """What was found on a grid of devices."""
    columns = (
        Column("answer", "answer"),
        Column("value", "value", align="right"),
        Column("low", "5 %", align="right"),
        Column("high", "95 %", align="right"),
        Column("devices", "devices", align="right"),
        Column("confidence", "holds in", align="right"),
    )
    if found.value is None:
        said = f"Nothing holds in {print_share(found.confidence)} of the draws."
        if found.least is not None:
            least = print_quantity(found.least, _SECOND if name == "devices" else _DOLLAR)
            said += f" The least that any number of devices reaches in as many is {least}."
        return Table(title, notes=(said,))

    def cell(value: float | None) -> Cell:
        return plain(None) if value is None else Cell(value, print_quantity(value, dimension))

    row = (
        plain(name),
        cell(found.value),
        cell(found.low),
        cell(found.high),
        plain(None) if found.devices is None else Cell(found.devices, digits(found.devices)),
        Cell(found.confidence, print_share(found.confidence)),
    )
    return Table(title, columns, (row,))


_SWEPT = {
    "devices": ("devices", "devices"),
    "time": ("time_s", "time"),
    "device_time": ("device_time_s", "device-hours"),
    "energy": ("energy_j", "energy"),
    "cost": ("cost_usd", "cost"),
    "goodput": ("goodput", "goodput"),
}
_DIMENSIONS = {"time": _SECOND, "device_time": _SECOND, "energy": _JOULE, "cost": _DOLLAR}


def sweep_table(axes: Sequence[Axis], points: Sequence[Point], most: int = 60) -> Table:
    """A row for each point of a grid; people see the first of many."""
    answers = [name for name in _SWEPT if points and name in points[0].answers]
    columns = [Column(axis.path, axis.path, align="right") for axis in axes]
    for name in answers:
        key, heading = _SWEPT[name]
        columns += [
            Column(key, heading, align="right", shown=name != "goodput"),
            Column(f"{key}_low", "5 %", align="right", shown=name == "time"),
            Column(f"{key}_high", "95 %", align="right", shown=name == "time"),
        ]
    rows = []
    for point in points:
        cells = [
            Cell(value, print_quantity(value, axis.dimension))
            for value, axis in zip(point.at, axes, strict=True)
        ]
        for name in answers:
            low, middle, high = point.answers[name]
            of = _DIMENSIONS.get(name, Dimension())
            cells += [
                Cell(each, shown(each, of, hours=name == "device_time"))
                for each in (middle, low, high)
            ]
        rows.append(tuple(cells))
    notes = (f"{len(rows) - most} more points; JSON and CSV have all.",) if len(rows) > most else ()
    return Table("Sweep", tuple(columns), tuple(rows[:most]), notes, tuple(rows[most:]))
