"""What the commands' arguments have in common: the format, and names of runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from reelbench.ab.errors import PairError, SideError
from reelbench.capacity.errors import CapacityError
from reelbench.catalogue import UnknownNameError
from reelbench.catalogue.models import SizeError
from reelbench.machine.awake import AwakeError
from reelbench.predict.errors import CeilingsError, RatesError
from reelbench.report.tables import Format, Table, render
from reelbench.results.read import ResultFileError
from reelbench.results.store import StoreError, newest
from reelbench.units import UnitError

_LABEL = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,23})=(.+)", re.DOTALL)

FormatOption = Annotated[
    Format, Parameter(name="--format", help="How to write it; csv holds the main table only.")
]


class UsageError(ValueError):
    """What was asked for cannot be answered; the message is one line for the user."""


EXPECTED = (
    UsageError,
    ResultFileError,
    UnknownNameError,
    SizeError,
    RatesError,
    CeilingsError,
    UnitError,
    CapacityError,
    SideError,
    PairError,
    StoreError,
    FileExistsError,
    AwakeError,
)
"""What a user or a file can get wrong; anything else is a mistake of ours."""


def answer(tables: Sequence[Table], style: Format, *, main: int = 0) -> None:
    """Write the tables to standard output; `main` is the one that CSV carries."""
    text = render(tables, style, main=main)
    if sys.stdout:
        sys.stdout.write(text)


def run_file(text: str) -> Path:
    """The file that a user means: a result file, or the newest one of a machine's folder.

    Raises:
        UsageError: The folder holds no result file.
        ResultFileError: The folder cannot be read.
    """
    path = Path(text)
    try:
        if not path.is_dir():
            return path
        found = newest(path, ".json")
        machines = sorted(folder.parent.name for folder in path.glob("*/*.json"))
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ResultFileError(text, f"cannot be read ({problem})", "check the path") from None
    if found:
        return found
    if machines:
        raise UsageError(f"{text}: holds several machines; name one, such as {path / machines[0]}")
    raise UsageError(f"{text}: holds no result file; measure with pytest --benchmark-only")


def labelled(text: str) -> tuple[str, str]:
    """Split ``label=path``; the label is empty where there is none or the whole names a file."""
    found = _LABEL.fullmatch(text)
    return (found[1], found[2]) if found and not exists(text) else ("", text)


def exists(text: str) -> bool:
    """Whether the text names a file or folder; what cannot name one does not."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False
