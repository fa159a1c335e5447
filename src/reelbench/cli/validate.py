"""``reelbench validate``: predictions held against what was measured or published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from reelbench.capacity.tables import read_bytes
from reelbench.capacity.validate import validate as backtest
from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.cli.paths import expand
from reelbench.predict.errors import CeilingsError, RatesError
from reelbench.predict.rates import Rates, rates_of
from reelbench.predict.validation import (
    Again,
    check_filling,
    check_machines,
    check_repeats,
    check_sittings,
    check_steps,
)
from reelbench.report.backtests import TESTS, backtest_tables
from reelbench.report.validation import STEPS, validation_tables
from reelbench.results.read import load

# What is validated of other rooms is a command of its own beside the default one.
validate = App(name="validate", help="Predictions held against what was measured or published.")


@validate.default
def validate_steps(
    *runs: str,
    implementation: Literal["best", "reference"] = "best",
    style: FormatOption = "table",
) -> None:
    """Whole training steps, and other machines' layers, as predicted and as measured.

    Args:
        runs: Result files that hold whole steps and their layers; globs, machines' folders, or a
            folder of them.
        implementation: Each layer and step in the fastest way measured, or as it is written.
        style: How to write it.
    """
    if not runs:
        raise UsageError("validate takes result files; write reelbench validate results")
    paths = [path for text in runs for _, found in expand(text) for path in found]
    rates = [found for path in paths if (found := _rates(path)) is not None]
    checked = check_steps(rates, implementation=implementation)
    across = check_machines(rates, implementation=implementation)
    if not checked and not across:
        raise UsageError(
            f"{runs[0]}: holds neither a whole step beside its layers nor layers of two machines; "
            "measure with pytest --benchmark-only bench/test_models.py"
        )
    filled = check_filling(rates, implementation=implementation)
    again = Again(tuple(check_repeats(rates)), tuple(check_sittings(rates)))
    answer(validation_tables(checked, again, filled, across), style, main=STEPS)


@validate.command(name="capacity")
def validate_capacity(
    *files: Path,
    sources: Annotated[bool, Parameter(negative="")] = False,
    style: FormatOption = "table",
) -> None:
    """What the capacity models say of runs that others published.

    Args:
        files: Scenario files with [[backtest]] tables; by default those that come with reelbench.
        sources: Also each run's source, boundary and convention.
        style: How to write it.
    """
    own = [(str(path), read_bytes(path, str(path))) for path in files]
    tables = backtest_tables(backtest(own or None))
    answer(tables if sources or style == "json" else tables[:2], style, main=TESTS)


def _rates(path: Path) -> Rates | None:
    """The rates of a file; None of one that measured no layer, such as plain pytest-benchmark's."""
    try:
        return rates_of(load(path), path.name)
    except (RatesError, CeilingsError):
        return None
