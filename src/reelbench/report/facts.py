"""Facts of a machine with the labels and units that people read."""

from __future__ import annotations

from collections.abc import Mapping

from reelbench.machine.fields import FIELDS
from reelbench.report.tables import Cell, Column, Table
from reelbench.results.schema import Ceiling, Fact
from reelbench.units import print_bytes, print_duration, print_rate

PROPERTY_COLUMNS = (Column("name", "what"), Column("value", "value", give="fold"))


def fact_label(name: str) -> str:
    """What people call the fact; facts of a newer version keep their own name."""
    return FIELDS[name].label if name in FIELDS else name


def fact_cell(name: str, value: Fact) -> Cell:
    """The value of a fact in the unit of its field."""
    return Cell(value, _text(name, value))


def fact_table(title: str, facts: Mapping[str, Fact]) -> Table:
    """All facts, in the order of the fields, those of a newer version last."""
    known = [name for name in FIELDS if name in facts]
    names = known + sorted(name for name in facts if name not in FIELDS)
    columns = (Column("name", "", shown=False), Column("label", "fact"), PROPERTY_COLUMNS[1])
    rows = tuple(
        (Cell(name, name), Cell(fact_label(name), fact_label(name)), fact_cell(name, facts[name]))
        for name in names
    )
    return Table(title, columns, rows)


def ceiling_table(ceilings: list[Ceiling]) -> Table:
    """The rates that the machine reached in the session, without the sweeps."""
    columns = (
        Column("kind", "ceiling"),
        Column("dtype", "dtype"),
        Column("precision", "precision"),
        Column("rate", "rate", align="right"),
        Column("unit", "unit", shown=False),
        Column("shape", "at shape", give="fold"),
    )
    rows = tuple(
        (
            Cell(ceiling.kind, ceiling.kind),
            Cell(ceiling.dtype, ceiling.dtype),
            Cell(ceiling.precision, ceiling.precision),
            Cell(ceiling.rate, print_rate(ceiling.rate, ceiling.unit)),
            Cell(ceiling.unit, ceiling.unit),
            Cell(ceiling.shape, ceiling.shape),
        )
        for ceiling in ceilings
    )
    return Table("Ceilings measured in this session", columns, rows)


def _text(name: str, value: Fact) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    match FIELDS[name].unit if name in FIELDS else "":
        case "bytes":
            return print_bytes(value)
        case "s":
            return print_duration(value)
        case "":
            return f"{value:g}" if isinstance(value, float) else str(value)
        case unit:
            return print_rate(value, unit)
