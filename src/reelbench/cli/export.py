"""``reelbench export``: result files as one table for spreadsheets, notebooks and data frames."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal, TextIO

from cyclopts import Parameter

from reelbench.catalogue import UnknownNameError
from reelbench.cli.arguments import UsageError
from reelbench.cli.cases import suggested
from reelbench.cli.paths import result_files
from reelbench.report.export import (
    CASE_COLUMNS,
    ROUND_COLUMNS,
    Columns,
    Row,
    rows,
    write_csv,
    write_json,
    write_markdown,
)
from reelbench.results.read import load

Kind = Literal["csv", "json", "md", "parquet"]
_Write = Callable[[Columns, Iterable[Row], TextIO], None]

_WRITERS: dict[str, _Write] = {"csv": write_csv, "json": write_json, "md": write_markdown}
_BATCH = 20_000


def export(
    *runs: str,
    to: Kind = "csv",
    output: Path | None = None,
    case: Annotated[list[str] | None, Parameter(negative="")] = None,
    rounds: bool = False,
) -> None:
    """Result files as one table: a row for each case of each run.

    Args:
        runs: Result files, globs or folders, of any machines.
        to: What to write. Markdown has the columns that people read, the others have all.
        output: The file to write, which must not exist; standard output by default.
        case: Only this preset, or one of its passes, such as r3d-layer1/train; may be repeated.
        rounds: A row for every round instead.
    """
    paths = result_files(runs)
    if not paths:
        raise UsageError("name files or folders: reelbench export results/ --to csv")
    columns = ROUND_COLUMNS if rounds else CASE_COLUMNS
    # One file at a time: a folder may hold more than fits into memory.
    every = (row for path in paths for row in rows(load(path), str(path), rounds=rounds))
    found = _only(every, case) if case else every
    if to == "parquet":
        _write_parquet(columns, found, output)
        return
    with _opened(output) as stream:
        _WRITERS[to](columns, found, stream)


def _only(found: Iterator[Row], wanted: Sequence[str]) -> Iterator[Row]:
    """The rows of these cases.

    Raises:
        UnknownNameError: At the end: a name is nobody's.
    """
    met: set[str] = set()
    for row in found:
        own = {str(row.get("preset")), f"{row.get('preset')}/{row.get('pass')}"}
        met |= own
        if own & set(wanted):
            yield row
    for name in wanted:
        if name not in met:
            raise UnknownNameError("case", name, suggested(met))


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """Standard output, or a new file."""
    if output is None:
        yield sys.stdout
        return
    with _new(output) as partial, partial.open("x", encoding="utf-8", newline="") as stream:
        yield stream


@contextlib.contextmanager
def _new(output: Path) -> Iterator[Path]:
    """A path to write to; what is written becomes the output only when all of it is there."""
    if output.exists():
        raise UsageError(f"--output {output}: exists already; name a new file")
    partial = output.with_name(f".{output.name}.part")
    try:
        yield partial
        partial.rename(output)
    except OSError as error:
        problem = error.strerror or str(error)
        raise UsageError(f"--output {output}: cannot be written ({problem})") from None
    finally:
        partial.unlink(missing_ok=True)


def _write_parquet(columns: Columns, found: Iterator[Row], output: Path | None) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise UsageError("parquet needs pyarrow: pip install 'reelbench[parquet]'") from None
    if output is None:
        raise UsageError("parquet is no text: name a file with --output")
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    with _new(output) as partial, parquet.ParquetWriter(partial, schema) as writer:
        for batch in _batches(found):
            data = {
                name: [None if (value := row.get(name)) is None else kind(value) for row in batch]
                for name, kind in columns.items()
            }
            writer.write_table(pa.table(data, schema=schema))


def _batches(found: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows by the thousands; one empty batch where there is none, so that a file is written."""
    batch = list(islice(found, _BATCH))
    yield batch
    while batch := list(islice(found, _BATCH)):
        yield batch
