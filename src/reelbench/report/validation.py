"""Back-tests of the capacity models as tables: each run, then the runs of each paper together."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.capacity.quantities import print_quantity
from reelbench.capacity.validate import Backtest, summaries
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.units import print_share

TESTS = 0
"""Place of the main table."""


def validation_tables(tests: Sequence[Backtest]) -> list[Table]:
    """Every back-test, misses included, and how often the intervals hold."""
    return [_tests(tests), _papers(tests), _sources(tests)]


def _tests(tests: Sequence[Backtest]) -> Table:
    columns = (
        Column("run", "run", give="fold"),
        Column("quantity", "quantity"),
        Column("median", "predicted", align="right"),
        Column("low", "5 %", align="right"),
        Column("high", "95 %", align="right"),
        Column("published", "published", align="right"),
        Column("error", "error", align="right"),
        Column("inside", ""),
    )
    rows = []
    for each in tests:
        low_high = [
            Cell(end, print_quantity(end, each.dimension) if each.low < each.high else "")
            for end in (each.low, each.high)
        ]
        rows.append(
            (
                plain(each.run),
                plain(each.published.quantity.replace("_", " ")),
                Cell(each.median, print_quantity(each.median, each.dimension)),
                *low_high,
                Cell(each.answer, print_quantity(each.answer, each.dimension)),
                Cell(
                    each.error,
                    f"{100 * each.error:+.0f} %"
                    if abs(each.error) >= 0.0995
                    else f"{100 * each.error:+.1f} %",
                ),
                Cell(each.inside, _verdict(each)),
            )
        )
    whole = summaries(tests)[-1]
    notes = [
        f"{whole.covered} of {whole.forecasts} published answers lie in the 90 % interval "
        f"predicted for them; median error of all {whole.tests}: {print_share(whole.error)} either "
        "way.",
        "within, off: arithmetic from published figures, held to a tolerance; inside, MISS: a "
        "forecast, held to its interval.",
    ]
    return Table(
        "Published runs, predicted from what was known beforehand",
        columns,
        tuple(rows),
        tuple(notes),
    )


def _verdict(test: Backtest) -> str:
    if test.is_forecast:
        return "inside" if test.inside else "MISS"
    return f"within {test.published.within}" if test.inside else f"off {test.published.within}"


def _papers(tests: Sequence[Backtest]) -> Table:
    columns = (
        Column("paper", "paper", give="fold"),
        Column("tests", "answers", align="right"),
        Column("forecasts", "forecasts", align="right"),
        Column("covered", "inside", align="right"),
        Column("error", "median error", align="right"),
    )
    rows = tuple(
        (
            plain(each.paper),
            plain(each.tests),
            plain(each.forecasts),
            plain(each.covered),
            Cell(each.error, print_share(each.error)),
        )
        for each in summaries(tests)
    )
    return Table("By paper", columns, rows)


def _sources(tests: Sequence[Backtest]) -> Table:
    columns = (
        Column("run", "run", give="fold"),
        Column("source", "published in", give="fold"),
        Column("known", "predicted from", give="fold"),
    )
    rows = tuple(
        (
            plain(f"{each.run}: {each.published.quantity.replace('_', ' ')}"),
            plain(f"{each.published.paper}: {each.published.source}"),
            plain(each.published.known),
        )
        for each in tests
    )
    return Table("Sources, boundaries, conventions", columns, rows)
