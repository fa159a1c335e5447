"""Tables of the catalogue: presets by family, models by kind, and each row in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reelbench.catalogue import Input, Preset
from reelbench.catalogue.counted import Count, Counter, sum_of_parts
from reelbench.catalogue.models import Model
from reelbench.catalogue.preset import Pass
from reelbench.report.facts import PROPERTY_COLUMNS
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.units import print_rate

_MOST_ROWS = 12  # inputs shown of a preset; an optimizer's state has hundreds

WORK_COLUMNS = (
    Column("parameters", "parameters", align="right"),
    Column("model_flops", "FLOPs", align="right"),
    Column("least_bytes", "bytes", align="right"),
    Column("intensity", "FLOP/B", align="right"),
    Column("kept_bytes", "kept", align="right"),
)


@dataclass(frozen=True)
class Counting:
    """How the work of rows is counted: the pass, and what counts one layer."""

    pass_: Pass
    count: Counter

    def preset(self, row: Preset) -> Count | None:
        """The work of a layer, or None where it has no such pass."""
        return self.count(row, self.pass_) if self.pass_ in row.passes else None

    def model(self, row: Model) -> Count | None:
        """The work of a model, or None where it has no such pass."""
        return sum_of_parts(row, self.pass_, self.count) if self.pass_ in row.passes else None


def preset_table(
    rows: Sequence[Preset], counting: Counting, title: str, *, sources: bool = False
) -> Table:
    """One line a preset: its shapes and its work; where wanted, its source in a note."""
    columns = (
        Column("preset", "preset"),
        Column("layer", "layer", give="cut"),
        Column("family", "", shown=False),
        Column("clip", "clip", shown=False),
        Column("inputs", "inputs", give="cut"),
        Column("passes", "", shown=False),
        Column("core", "core", shown=False),
        Column("assumed", "", shown=False),
        *_work_columns(counting.pass_),
        Column("source", "source", give="cut", shown=False),
        Column("mark", ""),
    )
    table = tuple(
        (
            plain(row.name),
            plain(row.layer),
            plain(row.family),
            plain(lengths(row.clip)),
            plain(_shapes(row.inputs)),
            plain(" ".join(row.passes)),
            plain(row.core),
            plain(row.assumed),
            *work_cells(counting.preset(row)),
            plain(row.source),
            _mark(row.assumed),
        )
        for row in rows
    )
    return Table(title, columns, table, _source_notes(rows) if sources else ())


def model_table(
    rows: Sequence[Model], counting: Counting, title: str, *, sources: bool = False
) -> Table:
    """One line a model: its size and work, and whether they are the published ones."""
    columns = (
        Column("model", "model"),
        Column("module", "module", shown=False),
        Column("kind", "kind", shown=False),
        Column("clip", "clip"),
        Column("layers", "layers", align="right"),
        Column("assumed", "", shown=False),
        *_work_columns(counting.pass_),
        Column("published", "published", align="right"),
        Column("source", "source", shown=False),
        Column("mark", ""),
    )
    table = tuple(
        (
            plain(row.name),
            plain(row.model),
            plain(row.kind),
            plain(lengths(row.clip)),
            plain(row.layers),
            plain(row.assumed),
            *work_cells(counting.model(row)),
            _met(row),
            plain(row.source),
            _mark(row.assumed),
        )
        for row in rows
    )
    return Table(title, columns, table, _source_notes(rows) if sources else ())


def preset_in_full(row: Preset, count: Counter) -> Table:
    """Everything about one preset."""
    inputs = [(f"input {key}", lengths(value.shape)) for key, value in row.inputs.items()]
    if len(inputs) > _MOST_ROWS:
        inputs = [*inputs[:_MOST_ROWS], (f"and {len(inputs) - _MOST_ROWS} more inputs", "")]
    properties = [
        ("layer", row.layer),
        ("family", row.family),
        ("clip", f"{lengths(row.clip)} (frames × height × width)"),
        *inputs,
        *((f"option {key}", str(value)) for key, value in row.options.items()),
        *work_lines(row.passes, lambda pass_: count(row, pass_)),
        ("core", "yes" if row.core else "no"),
        ("sizes assumed", "some" if row.assumed else "none"),
        ("source", row.source),
    ]
    rows = tuple((plain(name), plain(value)) for name, value in properties)
    return Table(row.name, PROPERTY_COLUMNS, rows)


def work_lines(passes: Sequence[Pass], count: Callable[[Pass], Count]) -> list[tuple[str, str]]:
    """The work of each pass in words."""
    counts = {pass_: count(pass_) for pass_ in passes}
    lines = [("parameters", f"{next(iter(counts.values())).parameters:,}")]
    for pass_, each in counts.items():
        text = (
            f"{_quantity(each.model_flops, 'FLOP')}, at least {_quantity(each.least_bytes, 'B')}"
            f" ({_intensity(each)} FLOP/B)"
        )
        if each.kept_bytes:
            text += f", {_quantity(each.kept_bytes, 'B')} kept for the backward pass"
        lines.append((pass_, text))
    return lines


def work_cells(count: Count | None) -> tuple[Cell, ...]:
    """The cells under `WORK_COLUMNS`."""
    if count is None:
        return (Cell(None, "–"),) * len(WORK_COLUMNS)
    return (
        Cell(count.parameters, _quantity(count.parameters)),
        Cell(count.model_flops, _quantity(count.model_flops)),
        Cell(count.least_bytes, _quantity(count.least_bytes, "B")),
        Cell(count.intensity, _intensity(count)),
        Cell(count.kept_bytes, _quantity(count.kept_bytes, "B")),
    )


def lengths(shape: Sequence[int]) -> str:
    """A shape for people."""
    return "×".join(map(str, shape)) or "one number"


def _work_columns(pass_: Pass) -> tuple[Column, ...]:
    return WORK_COLUMNS if pass_ == "train" else _hidden(WORK_COLUMNS, "kept_bytes")


def _hidden(columns: Sequence[Column], key: str) -> tuple[Column, ...]:
    return tuple(
        Column(c.key, c.heading, c.align, c.give, shown=c.shown and c.key != key) for c in columns
    )


def _quantity(value: float, unit: str = "") -> str:
    return print_rate(value, unit) if value else "0"


def _intensity(count: Count) -> str:
    return f"{count.intensity:.3g}" if count.intensity < 1000 else f"{count.intensity:.0f}"


def _met(row: Model) -> Cell:
    met = sum(not figure.unmet for figure in row.published)
    return Cell(f"{met}/{len(row.published)}", f"{met} of {len(row.published)}")


def _source_notes(rows: Sequence[Preset] | Sequence[Model]) -> tuple[str, ...]:
    """Each source once, with the rows that have it where there are several."""
    by_source: dict[str, list[str]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row.name)
    if len(by_source) == 1:
        return tuple(f"source: {source}" for source in by_source)
    return tuple(f"{', '.join(names)}: {source}" for source, names in by_source.items())


def _mark(assumed: bool) -> Cell:
    return Cell("*" if assumed else "", "*" if assumed else "")


def _shapes(inputs: Mapping[str, Input]) -> str:
    shapes = [lengths(value.shape) for value in inputs.values()]
    return ", ".join(shapes[:4]) + (f" and {len(shapes) - 4} more" if len(shapes) > 4 else "")
