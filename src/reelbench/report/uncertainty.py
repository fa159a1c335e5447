"""What an answer hangs on: shares of its variance, the figures behind it, one figure explained."""

from __future__ import annotations

from collections.abc import Mapping

from reelbench.capacity.estimate import Estimate
from reelbench.capacity.explaining import Cause, by_kind, causes, worth_measuring
from reelbench.capacity.figure import Named
from reelbench.capacity.quantities import print_quantity
from reelbench.capacity.question import Question
from reelbench.report.quantities import ANSWER_COLUMNS, quantity_row
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.report.text import shorten
from reelbench.units import print_share

_MOST_CAUSES = 8
_NOTABLE = 0.0005  # shares below are not shown


def variance_table(answers: Mapping[str, list[Cause]]) -> Table:
    """What the uncertainty of each answer comes from, by input and by kind.

    Args:
        answers: The causes of each, by its name; the first decides what to measure next.
    """
    uncertain = {name: found for name, found in answers.items() if found}
    if not uncertain:
        return Table("", notes=("Nothing here is uncertain: all inputs are points.",))
    shares = {
        name: {each.figure.name: each.total for each in found} for name, found in uncertain.items()
    }
    figures = {each.figure.name: each.figure for found in uncertain.values() for each in found}
    order = sorted(figures, key=lambda name: -max(of.get(name, 0.0) for of in shares.values()))
    columns = (
        Column("input", "input", give="cut"),
        Column("kind", "kind"),
        *(Column(f"{name}_share", f"of {name}", align="right") for name in shares),
    )
    rows = tuple(
        (
            plain(name),
            plain(figures[name].kind),
            *(_share_cell(of.get(name, 0.0)) for of in shares.values()),
        )
        for name in order
    )
    notes = [f"Variance of {name} by kind: {_kinds(found)}." for name, found in uncertain.items()]
    notes.append("Total Sobol indices of the logarithm.")
    if len(rows) > _MOST_CAUSES:
        notes.append(f"{len(rows) - _MOST_CAUSES} more inputs, with smaller shares.")
    best = worth_measuring(next(iter(uncertain.values())))
    if best is not None:
        cause, advice = best
        notes.append(
            f"Next measurement: {cause.figure.name}, now {cause.figure.kind} "
            f"({cause.figure.text}); it would remove {print_share(cause.first)} of the variance: "
            f"{advice}."
        )
    return Table(
        "What the uncertainty comes from",
        columns,
        rows[:_MOST_CAUSES],
        tuple(notes),
        rows[_MOST_CAUSES:],
    )


def _share_cell(share: float) -> Cell:
    return Cell(share, print_share(share) if share >= _NOTABLE else "–")


def _kinds(found: list[Cause]) -> str:
    shares = {kind: share for kind, share in by_kind(found).items() if share >= _NOTABLE}
    return ", ".join(f"{kind} {print_share(share)}" for kind, share in shares.items())


def assumptions(names: set[str], question: Question) -> Table:
    """The figures that answers were computed from."""
    columns = (
        Column("figure", "figure", give="cut"),
        Column("value", "value", give="fold"),
        Column("kind", "kind"),
        Column("given", "given by", shown=True),
        Column("source", "source", give="fold"),
    )
    kinds = {"assumed": 0, "published": 1, "measured": 2, "chosen": 3}
    known = [question.known[name] for name in names if name in question.known]
    known.sort(key=lambda figure: (kinds[figure.kind], figure.name))
    rows = tuple(
        (
            plain(figure.name),
            plain(figure.text),
            plain(figure.kind),
            Cell(figure.given, "scenario" if figure.given else "reelbench"),
            Cell(figure.source, shorten(figure.source, 160)),
        )
        for figure in known
    )
    return Table("Figures it was computed from", columns, rows)


def explained(name: str, estimate: Estimate, question: Question) -> list[Table]:
    """One figure of the answer: its value, what it hangs on, and its inputs."""
    row = quantity_row(name, name, estimate)
    assert row is not None
    value = Table(name, ANSWER_COLUMNS, (row,))
    return [
        value,
        variance_table({name: causes(estimate, question.known)}),
        assumptions(set(estimate.figures), question),
    ]


def given(figure: Named) -> list[Table]:
    """One figure of the scenario as it was read."""
    columns = (Column("what", "what"), Column("value", "value", give="fold"))
    spread = figure.spread
    distribution = spread.kind or "a point"
    ends = " to ".join(
        print_quantity(each, figure.dimension) for each in dict.fromkeys((spread.low, spread.high))
    )
    of = str(figure.dimension) if figure.dimension.is_number else f"in {figure.dimension}"
    rows = (
        (plain("value"), plain(figure.text)),
        (
            plain("is"),
            plain(f"{ends} ({distribution}), {of}"),
        ),
        (plain("kind"), plain(figure.kind)),
        (plain("source"), plain(figure.source)),
        (plain("given by"), plain("scenario" if figure.given else "reelbench")),
    )
    return [Table(figure.name, columns, rows)]
