"""A table as a value, and how it is written: for a terminal, in Markdown, JSON or CSV.

A cell holds both the raw value, in SI base units, which JSON and CSV carry, and the text that
people read. Texts may come from files of others; they are made safe here, when they are written.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from reelbench.report.text import markdown, spreadsheet, visible

Format = Literal["table", "md", "json", "csv"]
Value = str | int | float | bool | None

DEFAULT_WIDTH = 100
_NARROWEST = 16  # characters below which folding a text makes it unreadable

_GAP = 2  # characters between columns
_PIECES = re.compile(r"[^+/,]*[+/,]|[^+/,]+")


@dataclass(frozen=True)
class Cell:
    """A raw value and its text for people."""

    value: Value
    text: str


@dataclass(frozen=True)
class Column:
    """What a column is.

    Attributes:
        key: Name in JSON and CSV, with its unit, such as ``median_s``.
        heading: What people read.
        align: Where its texts stand.
        give: What happens where the table is too wide: ``keep`` never gives way, ``fold`` goes
            over several lines, ``cut`` ends in an ellipsis.
        shown: Whether people see it; JSON and CSV always carry it.
    """

    key: str
    heading: str
    align: Literal["left", "right"] = "left"
    give: Literal["keep", "fold", "cut"] = "keep"
    shown: bool = True


@dataclass(frozen=True)
class Table:
    """Rows under columns, with a title above and notes below; without columns, just the texts.

    Attributes:
        folded: Further rows, which only JSON and CSV carry; a note tells people of them.
    """

    title: str
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    notes: tuple[str, ...] = ()
    folded: tuple[tuple[Cell, ...], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.title or self.rows or self.notes or self.folded)

    @property
    def shown(self) -> list[tuple[int, Column]]:
        """The columns that people see, with their places in a row."""
        return [(place, column) for place, column in enumerate(self.columns) if column.shown]


def plain(value: str | int | None) -> Cell:
    """A cell whose text is its value."""
    return Cell(value, "–" if value is None else str(value))


def terminal_width() -> int:
    """Characters in a line of the terminal, or the default where standard output is none."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError, AttributeError):
        return DEFAULT_WIDTH


def render(
    tables: Sequence[Table], style: Format = "table", *, main: int = 0, width: int | None = None
) -> str:
    """The tables as one text that ends in a newline.

    Args:
        tables: What to write, in order. JSON holds them as a list called ``tables``.
        style: How to write it.
        main: The table that CSV carries, with others of the same columns; it has room for no more.
        width: Characters in a line; the terminal's by default.
    """
    said = [table for table in tables if not table.is_empty]
    match style:
        case "json":
            return _json(said)
        case "csv":
            return _csv([t for t in tables if t.columns == tables[main].columns])
        case "md":
            return "\n".join(map(_markdown, said))
        case "table":
            return "\n".join(_terminal(table, width or terminal_width()) for table in said)


def _terminal(table: Table, width: int) -> str:
    console = Console(
        file=io.StringIO(), width=width, color_system=None, highlight=False, legacy_windows=False
    )
    if table.title:
        console.print(Text(visible(table.title)))
    if table.rows and table.shown:
        console.print(_grid(table, width))
    for note in table.notes:
        console.print(Text(visible(note)))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _grid(table: Table, width: int) -> RichTable:
    grid = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    texts = [[visible(row[place].text) for place, _ in table.shown] for row in table.rows]
    widths = _widths([column for _, column in table.shown], texts, width)
    for (_, column), most in zip(table.shown, widths, strict=True):
        grid.add_column(
            Text(visible(column.heading)),
            justify=column.align,
            no_wrap=column.give != "fold",
            overflow="fold" if column.give == "fold" else "ellipsis",
            max_width=most,
        )
    for row in texts:
        grid.add_row(
            *(
                Text(_breakable(text, most) if column.give == "fold" else text)
                for text, most, (_, column) in zip(row, widths, table.shown, strict=True)
            )
        )
    return grid


def _breakable(text: str, width: int | None) -> str:
    """The text with its longest words broken where a reader would, after a + or the like.

    A word is what stands between spaces. One wider than the column, such as the name of several
    implementations, would otherwise be broken in the middle of a name.
    """
    if width is None or cell_len(text) <= width:
        return text
    return " ".join(
        word if cell_len(word) <= width else _broken(word, width) for word in text.split(" ")
    )


def _broken(word: str, width: int) -> str:
    lines = [""]
    for piece in _PIECES.findall(word):
        if lines[-1] and cell_len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _widths(
    columns: Sequence[Column], texts: Sequence[Sequence[str]], width: int
) -> list[int | None]:
    """The most characters each column may have: those that give way share what the rest leave."""
    natural = [
        max(cell_len(visible(column.heading)), *(cell_len(row[place]) for row in texts))
        for place, column in enumerate(columns)
    ]
    givers = [place for place, column in enumerate(columns) if column.give != "keep"]
    left = width - _GAP * (len(columns) - 1) - sum(natural) + sum(natural[p] for p in givers)
    most: list[int | None] = [None] * len(columns)
    # The narrowest first: what it does not need is shared by the others.
    for nth, place in enumerate(sorted(givers, key=lambda place: natural[place])):
        fair = max(left // (len(givers) - nth), _NARROWEST)
        most[place] = min(natural[place], fair)
        left -= min(natural[place], fair)
    return most


def _markdown(table: Table) -> str:
    blocks = [[f"**{markdown(table.title)}**"]] if table.title else []
    shown = table.shown
    if table.rows and shown:
        rules = ("---:" if column.align == "right" else ":---" for _, column in shown)
        blocks.append(
            [
                _markdown_row(column.heading for _, column in shown),
                f"| {' | '.join(rules)} |",
                *(_markdown_row(row[place].text for place, _ in shown) for row in table.rows),
            ]
        )
    if table.notes:
        blocks.append([f"- {markdown(note)}" for note in table.notes])
    return "\n".join("".join(f"{line}\n" for line in block) for block in blocks)


def _markdown_row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(markdown(text) for text in texts)} |"


def _json(tables: Sequence[Table]) -> str:
    content = {"tables": [_builtins(table) for table in tables]}
    # ASCII only, so that nothing in it can act on a terminal; DEL is the one that is left.
    text = json.dumps(content, indent=2, ensure_ascii=True, allow_nan=False)
    return text.replace("\x7f", "\\u007f") + "\n"


def _builtins(table: Table) -> dict[str, Any]:
    keys = [column.key for column in table.columns]
    every = table.rows + table.folded
    rows = [{key: cell.value for key, cell in zip(keys, row, strict=True)} for row in every]
    return {"title": table.title, "rows": rows, "notes": list(table.notes)}


def _csv(tables: Sequence[Table]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.key for column in tables[0].columns)
    for row in (row for table in tables for row in table.rows + table.folded):
        writer.writerow(
            spreadsheet(cell.value) if isinstance(cell.value, str) else cell.value for cell in row
        )
    return file.getvalue()
