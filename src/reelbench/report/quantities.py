"""A row for each quantity of an answer: median and 90 % interval, as planners write them."""

from __future__ import annotations

from reelbench.capacity.estimate import Estimate
from reelbench.capacity.quantities import Dimension, digits, dimension_of, print_quantity
from reelbench.report.tables import Cell, Column, plain

_SECOND, _JOULE = dimension_of("s"), dimension_of("J")

ANSWER_COLUMNS = (
    Column("quantity", "answer"),
    Column("median", "median", align="right"),
    Column("low", "5 %", align="right"),
    Column("high", "95 %", align="right"),
    Column("note", "", give="fold"),
)


def shown(value: float, dimension: Dimension, *, hours: bool = False) -> str:
    """As planners write it: days, device-hours, kWh."""
    if dimension == _SECOND:
        if hours:
            return f"{digits(value / 3600)} h"
        return print_quantity(value, dimension)
    if dimension == _JOULE:
        return f"{digits(value / 3.6e6)} kWh"
    return print_quantity(value, dimension)


def quantity_row(
    key: str, name: str, estimate: Estimate | None, note: str = "", *, hours: bool = False
) -> tuple[Cell, ...] | None:
    """The row of an estimate under `ANSWER_COLUMNS`; None where there is none.

    Args:
        key: Its name in JSON and CSV, with the unit.
        name: Its name for people.
        estimate: The quantity.
        note: What people should know of it.
        hours: Whether a time is one of devices, in hours.
    """
    if estimate is None:
        return None
    low, high = estimate.interval()
    middle = estimate.median
    texts = [shown(each, estimate.dimension, hours=hours) for each in (middle, low, high)]
    same = low == high
    return (
        Cell(key, name),
        Cell(middle, texts[0]),
        Cell(low, "" if same else texts[1]),
        Cell(high, "" if same else texts[2]),
        plain(note),
    )
