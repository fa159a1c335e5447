"""``reelbench validate``: what the models say of runs that others published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from reelbench.capacity.tables import read_bytes
from reelbench.capacity.validate import validate as backtest
from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.report.validation import TESTS, validation_tables


def validate(
    what: Literal["capacity"],
    *files: Path,
    sources: Annotated[bool, Parameter(negative="")] = False,
    style: FormatOption = "table",
) -> None:
    """Hold models against what others published: predicted interval, known answer, error.

    Args:
        what: Which models: capacity.
        files: Scenario files with [[backtest]] tables; by default those that come with reelbench.
        sources: Also each run's source, boundary and convention.
        style: How to write it.
    """
    if what != "capacity":
        raise UsageError(f"validate {what}: there are back-tests of capacity only")
    own = [(str(path), read_bytes(path, str(path))) for path in files]
    tables = validation_tables(backtest(own or None))
    answer(tables if sources or style == "json" else tables[:2], style, main=TESTS)
