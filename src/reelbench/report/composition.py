"""What a model is made of, and its published figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.catalogue.counted import Count, Counter, sum_of_parts
from reelbench.catalogue.models import Model, Published
from reelbench.report.catalogue import WORK_COLUMNS, lengths, work_cells, work_lines
from reelbench.report.facts import PROPERTY_COLUMNS
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.units import print_share

_QUANTITIES = {"parameters": "params", "macs": "MACs", "flops": "FLOPs"}

LAYERS = 1
"""The place of the table of layers among those of `model_tables`."""


def model_tables(model: Model, count: Counter) -> tuple[Table, ...]:
    """A model's properties, its layers and its published figures."""
    tables = (_properties(model, count), _layers(model, count))
    if not model.published:
        return tables
    return (*tables, published_table([model], count, "Published figures"))


def published_table(models: Sequence[Model], count: Counter, title: str) -> Table:
    """Every published figure beside our count, with its source and what the source counts."""
    several = len(models) > 1
    columns = (
        Column("model", "model", shown=several),
        Column("quantity", "quantity"),
        Column("published", "published", align="right"),
        Column("ours", "ours", align="right"),
        Column("difference", "differs", align="right"),
        Column("met", "", shown=False),
        Column("tolerance", "", shown=False),
        Column("convention", "", shown=False),
        Column("unmet", "", shown=False),
        Column("source", "source", give="cut" if several else "fold"),
    )
    rows = []
    notes: dict[str, None] = {}
    for model in models:
        whole = sum_of_parts(model, "forward", count)
        for figure in model.published:
            ours = figure.of(whole.parameters, whole.model_flops)
            rows.append(_figure_cells(model, figure, ours))
            name = f"{model.name} " if several else ""
            if figure.unmet:
                notes[f"{name}{figure.quantity} {figure.figure} not met: {figure.unmet}"] = None
            elif figure.convention and not several:
                notes[f"{figure.quantity} {figure.figure}: {figure.convention}"] = None
    return Table(title, columns, tuple(rows), tuple(notes))


def _figure_cells(model: Model, figure: Published, ours: float) -> tuple[Cell, ...]:
    difference = ours / figure.value - 1
    return (
        plain(model.name),
        Cell(figure.quantity, _QUANTITIES[figure.quantity]),
        Cell(figure.value, figure.figure),
        Cell(ours, figure.as_printed(ours)),
        Cell(difference, "0" if ours == figure.value else f"{100 * difference:+.2f} %"),
        plain(not figure.unmet),
        Cell(figure.tolerance, ""),
        plain(figure.convention),
        plain(figure.unmet),
        plain(figure.source),
    )


def _properties(model: Model, count: Counter) -> Table:
    lines = [
        ("module", f"reelbench.models.{model.kind}.{model.model}"),
        ("clip", f"{lengths(model.clip)} (frames × height × width)"),
        *((f"input {key}", lengths(each.shape)) for key, each in model.inputs.items()),
        ("layers", f"{model.layers}, {len(model.parts)} kinds"),
        *work_lines(model.passes, lambda pass_: sum_of_parts(model, pass_, count)),
        ("sizes assumed", "some" if model.assumed else "none"),
        ("source", model.source),
    ]
    rows = tuple((plain(name), plain(value)) for name, value in lines)
    return Table(model.name, PROPERTY_COLUMNS, rows)


def _layers(model: Model, count: Counter) -> Table:
    total = sum_of_parts(model, "forward", count)
    columns = (
        Column("part", "part"),
        Column("count", "times", align="right"),
        Column("copies", "", shown=False),
        Column("layer", "layer", give="cut"),
        Column("family", "", shown=False),
        Column("inputs", "input", give="cut"),
        *(column for column in WORK_COLUMNS if column.key != "kept_bytes"),
        Column("share", "of FLOPs", align="right"),
    )
    rows = []
    for part in model.parts:
        each = count(part.preset, "forward")
        every = Count(
            part.copies * each.parameters,
            part.count * each.model_flops,
            part.count * each.least_bytes,
        )
        share = every.model_flops / total.model_flops if total.model_flops else 0.0
        rows.append(
            (
                plain(part.name),
                plain(part.count),
                plain(part.copies),
                plain(part.preset.layer),
                plain(part.preset.family),
                plain(lengths(next(iter(part.preset.inputs.values())).shape)),
                *work_cells(every)[:-1],
                Cell(share, print_share(share) if share else ""),
            )
        )
    notes = (
        "Parameters, FLOPs (2 per multiply-accumulate, padding counted) and least bytes of all the",
        "times together, forward, float32.",
    )
    return Table("Layers", columns, tuple(rows), (" ".join(notes),))
