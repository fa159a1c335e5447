"""Back-tests of the capacity models as tables: each run, then the runs of each paper together."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.capacity.quantities import digits, print_quantity
from reelbench.capacity.validate import Backtest, summaries
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.units import print_share

TESTS = 0
"""Place of the main table."""


def backtest_tables(tests: Sequence[Backtest]) -> list[Table]:
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
    rows = tuple(map(_row, tests))
    whole = summaries(tests)[-1]
    notes = [
        f"{whole.covered} of {whole.forecasts} published answers lie in the 90 % interval "
        f"predicted for them; median error of these forecasts {print_share(whole.forecast_error)} "
        f"either way, of all {whole.tests} answers {print_share(whole.error)}.",
        "inside, MISS: a forecast, held to its interval; within, off: arithmetic from published "
        "figures, held to a tolerance.",
    ]
    return Table(
        "Published runs, predicted from what was known beforehand",
        columns,
        rows,
        tuple(notes),
    )


def _row(test: Backtest) -> tuple[Cell, ...]:
    quantity = test.published.quantity
    ends = (Cell(end, _shown(test, end) if test.is_forecast else "") for end in test.ends)
    return (
        plain(test.run),
        Cell(quantity, _NAMES.get(quantity, quantity)),
        Cell(test.median, _shown(test, test.median)),
        *ends,
        Cell(test.answer, _shown(test, test.answer)),
        Cell(test.error, f"{100 * test.error:+.0f} %"),
        Cell(test.inside, _verdict(test)),
    )


_NAMES = {
    "device_time": "device time",
    "device_energy": "device energy",
    "server_energy": "server energy",
    "own_rate": "owned hour",
    "own_full_rate": "owned hour",
    "break_even": "break-even",
    "epoch_floor": "epoch floor",
    "mttf": "MTTF",
    "flops": "FLOPs",
    "peak": "peak",
}


def _shown(test: Backtest, value: float) -> str:
    """The value; device time in hours, as people say GPU-hours."""
    if test.published.quantity != "device_time":
        return print_quantity(value, test.dimension)
    hours = value / 3600
    return f"{digits(hours / 1e6)} M h" if hours >= 1e6 else f"{digits(hours)} h"


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
