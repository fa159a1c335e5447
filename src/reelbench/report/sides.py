"""Several sides against one base: a row a side, the facts that differ, the cases side by side."""

from __future__ import annotations

from collections.abc import Sequence

from reelbench.compare import JUDGED, Comparison
from reelbench.compare.ratios import Ratio
from reelbench.machine.fields import FIELDS
from reelbench.report.comparison_words import side_notes
from reelbench.report.facts import fact_cell, fact_label
from reelbench.report.layers import IDENTITY_COLUMNS, case_namer, case_order, identity_cells
from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.results.schema import Identity
from reelbench.stats.verdict import Verdict
from reelbench.units import print_ratio, print_share, print_time

CASES = 2
"""Place of the main table."""

# What fits into a hundred columns beside a case's name; JSON and CSV carry all.
_MOST_SHOWN = 6


def several_tables(comparisons: Sequence[Comparison]) -> tuple[Table, ...]:
    """Tables of one base against several sides; `CASES` is the main one.

    Args:
        comparisons: One for each other side, all of the same base.
    """
    return (_facts(comparisons), _sides(comparisons), _cases(comparisons))


def _facts(comparisons: Sequence[Comparison]) -> Table:
    """Facts of which the sides have different values, a row each, stable ones first."""
    sides = [comparisons[0].base, *(comparison.new for comparison in comparisons)]
    known = [side.facts or {} for side in sides]
    names = {name for facts in known for name in facts}
    ordered = [name for name in FIELDS if name in names and FIELDS[name].kind != "volatile"]
    ordered += sorted(name for name in names if name not in FIELDS)
    differing = [name for name in ordered if len({str(facts.get(name)) for facts in known}) > 1]
    columns = (
        Column("name", "", shown=False),
        Column("label", "fact", give="fold"),
        *(
            Column(f"side_{place}", side.label, give="fold", shown=place <= _MOST_SHOWN)
            for place, side in enumerate(sides)
        ),
    )
    rows = tuple(
        (
            plain(name),
            plain(fact_label(name)),
            *(fact_cell(name, facts.get(name)) for facts in known),
        )
        for name in differing
    )
    return Table("What differs" if rows else "No stable fact differs", columns, rows)


def _sides(comparisons: Sequence[Comparison]) -> Table:
    judged = any(comparison.mode in JUDGED for comparison in comparisons)
    columns = (
        Column("side", "side", give="fold"),
        Column("mode", "", shown=False),
        Column("runs", "runs", align="right"),
        Column("ratio", "speed", align="right"),
        Column("low", "from", align="right"),
        Column("high", "to", align="right"),
        Column("cases", "cases", align="right"),
        *(Column(v.value, v.value, align="right", shown=judged) for v in Verdict),
        Column("unlike", "unlike", align="right"),
        Column("missing", "missing", align="right"),
    )
    rows = []
    for comparison in comparisons:
        mean, matching = comparison.mean, comparison.matching
        missing = sum(row.absent_from == "new" for row in matching.missing)
        numbers = (mean.ratio, mean.low, mean.high) if mean else ()
        ends = [Cell(number, print_ratio(number)) for number in numbers] or [plain(None)] * 3
        rows.append(
            (
                plain(comparison.new.label),
                plain(comparison.mode),
                plain(len(comparison.new.runs)),
                *ends,
                plain(len(comparison.ratios)),
                *(plain(comparison.count(v)) for v in Verdict),
                plain(len(matching.unlike)),
                plain(missing),
            )
        )
    base = comparisons[0].base
    notes = [f"speed: relative to {base.label}, geometric mean of the cases that both have."]
    if len(comparisons) > _MOST_SHOWN:
        more = len(comparisons) - _MOST_SHOWN
        notes.append(f"Facts and cases of {more} more sides are in --format json.")
    if judged:
        notes.append(
            f"Verdicts, where the machine is the same: threshold "
            f"±{print_share(comparisons[0].threshold)}."
        )
    for side in (base, *(comparison.new for comparison in comparisons)):
        notes += side_notes(side)
    return Table(f"Speed relative to {base.label}", columns, tuple(rows), tuple(notes))


def _cases(comparisons: Sequence[Comparison]) -> Table:
    found: dict[Identity, dict[int, Ratio]] = {}
    for place, comparison in enumerate(comparisons):
        for row in comparison.ratios:
            found.setdefault(row.identity, {})[place] = row
    name = case_namer(found)
    columns = (
        *IDENTITY_COLUMNS,
        Column("base_median_s", comparisons[0].base.label, align="right"),
        *(
            column
            for place, comparison in enumerate(comparisons)
            for column in (
                Column(
                    f"ratio_{place + 1}",
                    comparison.new.label,
                    align="right",
                    shown=place < _MOST_SHOWN,
                ),
                Column(f"low_{place + 1}", "", shown=False),
                Column(f"high_{place + 1}", "", shown=False),
                Column(f"verdict_{place + 1}", "", shown=False),
            )
        ),
    )
    rows = []
    for identity in sorted(found, key=case_order):
        ratios = found[identity]
        base = next(iter(ratios.values())).base
        cells = [cell for place in range(len(comparisons)) for cell in _cells(ratios.get(place))]
        rows.append(
            (
                *identity_cells(identity, name),
                Cell(base.median_s, print_time(base.median_s)),
                *cells,
            )
        )
    notes = ["–: missing there, or unlike; compare two sides to see which."] if rows else []
    if any(row.verdict for ratios in found.values() for row in ratios.values()):
        notes.append("▲ faster, ▼ slower, = unchanged; no sign: undecided, or another machine.")
    return Table("Cases" if rows else "No case in common", columns, tuple(rows), tuple(notes))


_SIGNS = {Verdict.FASTER: " ▲", Verdict.SLOWER: " ▼", Verdict.UNCHANGED: " ="}


def _cells(row: Ratio | None) -> tuple[Cell, ...]:
    if row is None:
        return (plain(None),) * 4
    sign = _SIGNS.get(row.verdict, "") if row.verdict else ""
    return (
        Cell(row.ratio, print_ratio(row.ratio) + sign),
        Cell(row.low, ""),
        Cell(row.high, ""),
        plain(row.verdict.value if row.verdict else None),
    )
