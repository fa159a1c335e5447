"""Advice on a machine as a table, or one line where there is none."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.machine.advice import Advice, Severity
from reelbench.report.tables import Cell, Column, Table, plain

_WEIGHT = {
    Severity.FAILS: "measuring fails",
    Severity.DISTURBS: "disturbs",
    Severity.CHANGES: "changes times",
    Severity.NOTE: "good to know",
}
_COLUMNS = (
    Column("severity", "severity"),
    Column("what", "what was seen, and why it matters", give="fold"),
    Column("why", "", shown=False),
    Column("do", "what to do", give="fold"),
    Column("line", "", shown=False),
)
_NOTHING = "Nothing known disturbs measuring."


def advice_table(found: Sequence[Advice], known: str = "") -> Table:
    """The advice, in the order given.

    Args:
        found: What to do.
        known: What is good to know and needs nothing done, as a sentence.
    """
    if not found:
        return Table(" ".join(filter(None, (_NOTHING, known))), _COLUMNS)
    rows = tuple(
        (
            Cell(each.severity.value, _WEIGHT[each.severity]),
            Cell(each.what, f"{_sentence(each.what)}. {_sentence(each.why)}."),
            plain(each.why),
            plain(each.do),
            plain(each.line),
        )
        for each in found
    )
    title = "Advice, the most important first"
    notes = [each.line for each in found if each.line] + [known]
    return Table(title, _COLUMNS, rows, tuple(filter(None, notes)))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
