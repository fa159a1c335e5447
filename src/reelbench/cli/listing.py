"""``reelbench list``: the families and presets of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from reelbench import catalogue
from reelbench.catalogue import Preset, UnknownNameError
from reelbench.cli.arguments import FormatOption, answer
from reelbench.report.facts import PROPERTY_COLUMNS
from reelbench.report.tables import Cell, Column, Table, plain

_MOST_ROWS = 12  # inputs shown of a preset; an optimizer's state has hundreds


def list_presets(
    name: str | None = None,
    /,
    *,
    family: str | None = None,
    core: Annotated[bool, Parameter(negative="")] = False,
    style: FormatOption = "table",
) -> None:
    """What can be measured: families of layers and their presets.

    Args:
        name: A family, a layer, or a preset; a preset's row is given in full.
        family: Only this family.
        core: Only presets that are measured first when time is short.
        style: How to write it.
    """
    rows = [row for row in catalogue.presets(family) if row.core or not core]
    if name is None:
        answer([_overview(rows)], style)
        return
    chosen = [row for row in rows if name in (row.family, row.layer, row.name)]
    if not chosen:
        known = dict.fromkeys(n for row in rows for n in (row.family, row.layer, row.name))
        raise UnknownNameError("family, layer or preset", name, tuple(known))
    answer([_in_full(chosen[0]) if chosen[0].name == name else _overview(chosen)], style)


def _overview(rows: Sequence[Preset]) -> Table:
    families = {row.family for row in rows}
    columns = (
        Column("preset", "preset"),
        Column("layer", "layer"),
        Column("family", "family", shown=len(families) > 1),
        Column("clip", "clip"),
        Column("inputs", "inputs", give="cut"),
        Column("passes", "", shown=False),
        Column("core", "core", shown=False),
        Column("assumed", "assumed"),
        # One family's rows leave room for it.
        Column("source", "source", give="cut", shown=len(families) == 1),
    )
    table = tuple(
        (
            plain(row.name),
            plain(row.layer),
            plain(row.family),
            plain(_lengths(row.clip)),
            plain(_inputs(row)),
            plain(" ".join(row.passes)),
            _yes(row.core),
            _yes(row.assumed),
            plain(row.source),
        )
        for row in rows
    )
    notes = ("reelbench list PRESET gives a row in full, with its source.",)
    return Table(f"Presets: {len(rows)}, families: {len(families)}", columns, table, notes)


def _in_full(row: Preset) -> Table:
    inputs = [(f"input {key}", _lengths(value.shape)) for key, value in row.inputs.items()]
    if len(inputs) > _MOST_ROWS:
        more = (f"and {len(inputs) - _MOST_ROWS} more inputs", "")
        inputs = [*inputs[:_MOST_ROWS], more]
    properties = [
        ("layer", row.layer),
        ("family", row.family),
        ("clip", f"{_lengths(row.clip)} (frames × height × width)"),
        *inputs,
        *((f"option {key}", str(value)) for key, value in row.options.items()),
        ("passes", ", ".join(row.passes)),
        ("core", "yes" if row.core else "no"),
        ("sizes assumed", "some" if row.assumed else "none"),
        ("source", row.source),
    ]
    rows = tuple((plain(name), plain(value)) for name, value in properties)
    return Table(row.name, PROPERTY_COLUMNS, rows)


def _inputs(row: Preset) -> str:
    shapes = [_lengths(value.shape) for value in row.inputs.values()]
    return ", ".join(shapes[:4]) + (f" and {len(shapes) - 4} more" if len(shapes) > 4 else "")


def _lengths(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "one number"


def _yes(value: bool) -> Cell:
    return Cell(value, "yes" if value else "")
