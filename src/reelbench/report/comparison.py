"""A comparison as tables: what differs first, then the sentence, then the cases."""

from __future__ import annotations

from collections.abc import Callable

from reelbench.compare import Comparison
from reelbench.compare.ratios import Ratio
from reelbench.report.facts import fact_cell, fact_label
from reelbench.report.layers import (
    IDENTITY_COLUMNS,
    case_namer,
    case_order,
    identity_cells,
    share_cell,
)
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.report.text import shorten
from reelbench.results.schema import Identity
from reelbench.units import print_ratio, print_share, print_time

Namer = Callable[[Identity], str]

_MODES = {
    "regression": "Same machine, same software.",
    "software": "Same machine, other software: the software listed above is part of the ratios.",
    "hardware": "Different machines: ratios of times, and each one's share of its own ceilings.",
    "unknown": "A file does not say what it was measured on: ratios of times only.",
}


def comparison_tables(comparison: Comparison, base: str, new: str) -> tuple[Table, ...]:
    """Tables of a comparison in the order in which they are read; `RATIOS` is the main one.

    Args:
        comparison: What `reelbench.compare.compare` returned.
        base: What the user calls the base run.
        new: What the user calls the other run.
    """
    matching = comparison.matching
    name = case_namer(
        [
            *(row.identity for row in comparison.ratios),
            *(side for row in matching.unlike for side in (row.base, row.new)),
            *(row.identity for row in matching.missing),
        ]
    )
    tables = [
        _facts(comparison, base, new),
        _summary(comparison, base, new),
        _ratios(comparison, base, new, name),
        _unlike(comparison, base, new, name),
        _missing(comparison, base, new, name),
    ]
    return tuple(
        table for nth, table in enumerate(tables) if nth <= RATIOS or table.rows or table.notes
    )


RATIOS = 2


def sentence(comparison: Comparison, base: str, new: str) -> str:
    """The answer in one sentence, with everything that it leaves out counted."""
    matching = comparison.matching
    gone = dict.fromkeys(("base", "new"), 0)
    for row in matching.missing:
        gone[row.absent_from] += 1
    counted = [
        f"{len(matching.unlike)} set apart as unlike" if matching.unlike else "",
        f"{gone['new']} missing from {new}" if gone["new"] else "",
        f"{gone['base']} missing from {base}" if gone["base"] else "",
        f"{matching.neither} measured in neither" if matching.neither else "",
    ]
    rest = ", ".join(part for part in counted if part)
    if comparison.mean is None:
        return f"Nothing to compare: no case of {base} is also in {new}" + _after("; ", rest) + "."
    ratios = [row.ratio for row in comparison.ratios]
    if len(ratios) == 1:
        found = "one case"
    else:
        spread = f"{print_ratio(min(ratios))} to {print_ratio(max(ratios))}"
        found = f"geometric mean of {len(ratios)} cases, {spread}"
    mean = print_ratio(comparison.mean)
    return f"{new} runs at {mean} the speed of {base} ({found}){_after('; ', rest)}."


def caveats(comparison: Comparison, base: str, new: str) -> list[str]:
    """What the sentence cannot know or does not count."""
    notes = [_MODES[comparison.mode]]
    if comparison.same_run:
        notes.append(f"{base} and {new} are the same run.")
    known = [
        f"{label} {print_share(spread)}"
        for label, spread in zip((base, new), comparison.spreads, strict=True)
        if spread is not None
    ]
    if comparison.processes == 1 and len(known) == 2:
        notes.append(
            "One run each: the intervals hold what changes from process to process, as a self-test "
            f"found it (standard deviation: {', '.join(known)}). No verdict is given."
        )
    elif comparison.processes == 1:
        unknown = " and ".join(
            label
            for label, spread in zip((base, new), comparison.spreads, strict=True)
            if spread is None
        )
        notes.append(
            "One run each cannot tell noise from change: intervals come from the rounds of one "
            "process and do not hold what changes from process to process. No verdict is given. "
            f"A reelbench selftest on the machine of {unknown} would tell."
        )
    elif comparison.ratios:
        notes.append("Ratios and intervals only: no verdict is given.")
    for label, count in zip((base, new), comparison.foreign, strict=True):
        if count:
            notes.append(f"Not compared, as they hold no reelbench record: {count} of {label}.")
    return notes


def _after(separator: str, text: str) -> str:
    return f"{separator}{text}" if text else ""


def _facts(comparison: Comparison, base: str, new: str) -> Table:
    facts = comparison.facts
    if facts is None:
        return Table("What differs: unknown, a file holds no facts of its machine")
    columns = (
        Column("name", "", shown=False),
        Column("kind", "kind"),
        Column("label", "fact"),
        Column("base", base, give="fold"),
        Column("new", new, give="fold"),
    )
    rows = tuple(
        (
            plain(row.name),
            plain(row.kind or "unknown"),
            plain(fact_label(row.name)),
            fact_cell(row.name, row.base),
            fact_cell(row.name, row.new),
        )
        for row in facts.rows
    )
    title = "What differs" if rows else "No fact differs"
    return Table(f"{title} ({facts.equal} facts are equal)", columns, rows)


def _summary(comparison: Comparison, base: str, new: str) -> Table:
    """The sentence; its numbers are only for JSON, since it says them."""
    columns = (
        Column("mode", "", shown=False),
        Column("geometric_mean", "", shown=False),
        Column("compared", "", shown=False),
        Column("unlike", "", shown=False),
        Column("missing", "", shown=False),
        Column("neither", "", shown=False),
    )
    matching = comparison.matching
    row = (
        plain(comparison.mode),
        Cell(comparison.mean, ""),
        plain(len(comparison.ratios)),
        plain(len(matching.unlike)),
        plain(len(matching.missing)),
        plain(matching.neither),
    )
    title = sentence(comparison, base, new)
    return Table(title, columns, (row,), tuple(caveats(comparison, base, new)))


def _ratios(comparison: Comparison, base: str, new: str, name: Namer) -> Table:
    with_shares = comparison.mode == "hardware"
    columns = (
        *IDENTITY_COLUMNS,
        Column("ratio", "speed", align="right"),
        Column("low", "from", align="right"),
        Column("high", "to", align="right"),
        Column("confidence", "", shown=False),
        Column("base_median_s", base, align="right"),
        Column("new_median_s", new, align="right"),
        Column("base_share", "share", align="right", shown=with_shares),
        Column("new_share", "share", align="right", shown=with_shares),
        Column("program_differs", "", shown=False),
    )
    rows = tuple(_ratio_cells(row, name) for row in comparison.ratios)
    notes = []
    if with_shares and rows:
        notes.append(f"share: of the machine's own measured ceiling, {base} before {new}.")
    changed = [row for row in comparison.ratios if row.program_differs]
    if comparison.mode == "regression" and changed:
        names = ", ".join(f"{name(row.identity)} {row.identity.pass_}" for row in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        notes.append(f"Other compiled program under the same software: {names}{more}.")
    return Table("Cases, the largest change first" if rows else "", columns, rows, tuple(notes))


def _ratio_cells(row: Ratio, name: Namer) -> tuple[Cell, ...]:
    return (
        *identity_cells(row.identity, name),
        _times(row.ratio),
        _times(row.low),
        _times(row.high),
        Cell(row.confidence, ""),
        Cell(row.base_median_s, print_time(row.base_median_s)),
        Cell(row.new_median_s, print_time(row.new_median_s)),
        share_cell(row.base_share),
        share_cell(row.new_share),
        Cell(row.program_differs, ""),
    )


def _times(ratio: float) -> Cell:
    return Cell(ratio, print_ratio(ratio))


def _unlike(comparison: Comparison, base: str, new: str, name: Namer) -> Table:
    columns = (
        *IDENTITY_COLUMNS,
        Column("field", "differs in"),
        Column("base", base, give="cut"),
        Column("new", new, give="cut"),
    )
    rows = tuple(
        (
            *identity_cells(row.base, name),
            plain(field.name),
            plain(field.base),
            plain(field.new),
        )
        for row in sorted(comparison.matching.unlike, key=lambda row: case_order(row.base))
        for field in row.fields
    )
    notes: tuple[str, ...] = ()
    if any(f.name == "version" for row in comparison.matching.unlike for f in row.fields):
        notes = ("version: a hash of the code and the sizes that define the case.",)
    return Table("Set apart: unlike, so not compared", columns, rows, notes) if rows else Table("")


def _missing(comparison: Comparison, base: str, new: str, name: Namer) -> Table:
    columns = (
        *IDENTITY_COLUMNS,
        Column("absent_from", "missing from"),
        Column("reason", "because", give="fold"),
    )
    labels = {"base": base, "new": new}
    rows = tuple(
        (
            *identity_cells(row.identity, name),
            Cell(row.absent_from, labels[row.absent_from]),
            Cell(row.reason, shorten(row.reason, 120)),
        )
        for row in sorted(comparison.matching.missing, key=lambda row: case_order(row.identity))
    )
    return Table("Missing", columns, rows) if rows else Table("")
