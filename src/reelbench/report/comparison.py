"""A comparison of two sides as tables: what differs first, then the sentence, then the cases."""

from __future__ import annotations

from reelbench.compare import JUDGED, Comparison
from reelbench.compare.ratios import Ratio, Shown
from reelbench.report.comparison_words import Namer, caveats, headings, is_known, named, sentence
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
from reelbench.stats.unpaired import Reason
from reelbench.stats.verdict import Verdict
from reelbench.units import print_ratio, print_share, print_time

RATIOS = 3
"""Place of the main table."""

# A word for each reason; a note says the rest.
_WHY = {
    Reason.ONE_PROCESS: "one process",
    Reason.TOO_WIDE: "too wide",
    Reason.REACHES_OVER: "reaches over",
    Reason.SMALL: "may be small",
    Reason.WITHIN: "within",
    Reason.BEYOND: "beyond",
}


def comparison_tables(comparison: Comparison, top: int | None = None) -> tuple[Table, ...]:
    """Tables of a comparison in the order in which they are read; `RATIOS` is the main one.

    Args:
        comparison: What `reelbench.compare.compare` returned.
        top: How many cases people see, the most evident changes first, and how many families, the
            largest changes first; all by default.
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
        facts_table(comparison),
        _summary(comparison, name),
        _families(comparison, top),
        _ratios(comparison, name, top),
        _best(comparison),
        _unlike(comparison, name),
        _missing(comparison, name),
    ]
    return tuple(tables)


def facts_table(comparison: Comparison) -> Table:
    """The facts that differ between two sides, stable ones first."""
    facts = comparison.facts
    if facts is None:
        return Table("What differs: unknown, a file holds no facts of its machine")
    columns = (
        Column("name", "", shown=False),
        Column("kind", "kind"),
        Column("label", "fact"),
        Column("base", comparison.base.label, give="fold"),
        Column("new", comparison.new.label, give="fold"),
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


def _summary(comparison: Comparison, name: Namer) -> Table:
    """The sentence; its numbers are only for JSON, since it says them."""
    matching, mean = comparison.matching, comparison.mean
    values: dict[str, str | float | int | None] = {
        "mode": comparison.mode,
        "geometric_mean": mean.ratio if mean else None,
        "low": mean.low if mean else None,
        "high": mean.high if mean else None,
        "compared": len(comparison.ratios),
        **{verdict.value: comparison.count(verdict) for verdict in Verdict},
        "unlike": len(matching.unlike),
        "missing": len(matching.missing),
        "neither": matching.neither,
        "threshold": comparison.threshold,
    }
    columns = tuple(Column(key, "", shown=False) for key in values)
    row = tuple(Cell(value, "") for value in values.values())
    return Table(sentence(comparison), columns, (row,), tuple(caveats(comparison, name)))


def _families(comparison: Comparison, top: int | None) -> Table:
    if len(comparison.families) < 2:
        return Table("")
    families = list(comparison.families)
    if top is not None:
        families.sort(key=lambda mean: -max(mean.ratio, 1 / mean.ratio))
    judged = comparison.mode in JUDGED
    columns = (
        Column("family", "family", give="fold"),
        Column("cases", "cases", align="right"),
        Column("weight", "weight", align="right"),
        Column("ratio", "speed", align="right"),
        Column("low", "from", align="right"),
        Column("high", "to", align="right"),
        *(Column(v.value, v.value, align="right", shown=judged) for v in Verdict),
    )
    rows = tuple(
        (
            plain(mean.name),
            plain(mean.cases),
            Cell(mean.weight, print_share(mean.weight)),
            *_interval_cells(mean.ratio, mean.low, mean.high, is_known(mean)),
            *(plain(mean.verdicts.get(v, 0)) for v in Verdict),
        )
        for mean in families
    )
    notes = [
        "Geometric means with 95 % intervals, as if all cases erred together; weight: share of the "
        "mean of all."
    ]
    if top is not None and len(rows) > top:
        notes.insert(0, f"{len(rows) - top} more families, with smaller changes.")
    return Table("Families", columns, rows[:top], tuple(notes), folded=rows[top:] if top else ())


def _ratios(comparison: Comparison, name: Namer, top: int | None) -> Table:
    judged, machines = comparison.mode in JUDGED, comparison.mode == "hardware"
    base, new = headings(comparison)
    columns = (
        *IDENTITY_COLUMNS,
        Column("ratio", "speed", align="right"),
        Column("low", "from", align="right"),
        Column("high", "to", align="right"),
        Column("confidence", "", shown=False),
        Column("base_median_s", base, align="right"),
        Column("new_median_s", new, align="right"),
        Column("verdict", "verdict", shown=judged),
        Column("reason", "because", shown=judged),
        Column("base_share", "share", align="right", shown=machines),
        Column("base_limit", "", shown=machines),
        Column("new_share", "share", align="right", shown=machines),
        Column("new_limit", "", shown=machines),
        Column("base_runs", "", shown=False),
        Column("new_runs", "", shown=False),
        Column("base_processes", "", shown=False),
        Column("new_processes", "", shown=False),
        Column("program_differs_by", "", shown=False),
    )
    rows = tuple(_ratio_cells(row, name) for row in comparison.ratios)
    notes = []
    if machines and rows:
        notes.append(
            f"share: of the machine's own measured ceiling, and what limits a layer there (c: "
            f"compute, m: memory, d: dispatch, the time of calling it); {base} before {new}."
        )
    reasons = dict.fromkeys(row.reason for row in comparison.ratios if row.reason)
    notes += [f"{_WHY[reason]}: {reason.value}." for reason in Reason if reason in reasons]
    changed = [row for row in comparison.ratios if row.program_reason]
    if changed:
        why = named(list(dict.fromkeys(each for row in changed for each in row.program_reason)))
        notes.append(f"Other compiled program in {len(changed)} cases, where {why} differs.")
    title = "Cases, the most evident change first" if rows else ""
    if top is not None and len(rows) > top:
        notes.insert(0, f"{len(rows) - top} more cases, with less evidence of a change.")
    return Table(title, columns, rows[:top], tuple(notes), folded=rows[top:] if top else ())


def _ratio_cells(row: Ratio, name: Namer) -> tuple[Cell, ...]:
    why = _WHY[row.reason] if row.reason else None
    return (
        *identity_cells(row.identity, name),
        *_interval_cells(row.ratio, row.low, row.high, row.confidence > 0),
        Cell(row.confidence, ""),
        *(Cell(side.median_s, print_time(side.median_s)) for side in (row.base, row.new)),
        plain(row.verdict.value if row.verdict else None),
        Cell(row.reason.value if row.reason else None, why or "–"),
        *(cell for side in (row.base, row.new) for cell in _where(side)),
        *(plain(side.runs) for side in (row.base, row.new)),
        *(plain(side.processes) for side in (row.base, row.new)),
        plain(", ".join(row.program_reason) or None),
    )


def _where(side: Shown) -> tuple[Cell, Cell]:
    return share_cell(side.share), Cell(side.limit, side.limit[0] if side.limit else "")


def _interval_cells(ratio: float, low: float, high: float, known: bool) -> tuple[Cell, ...]:
    ends = [Cell(end, print_ratio(end)) if known else plain(None) for end in (low, high)]
    return (Cell(ratio, print_ratio(ratio)), *ends)


def _best(comparison: Comparison) -> Table:
    if not comparison.best:
        return Table("")
    rows = sorted(comparison.best, key=lambda row: case_order(row.identity))
    name = case_namer([row.identity for row in rows])
    columns = (
        *(column for column in IDENTITY_COLUMNS if column.key != "implementation"),
        Column("ratio", "speed", align="right"),
        Column("low", "from", align="right"),
        Column("high", "to", align="right"),
        Column("base_median_s", comparison.base.label, align="right"),
        Column("base_implementation", "by", give="fold"),
        Column("new_median_s", comparison.new.label, align="right"),
        Column("new_implementation", "by", give="fold"),
    )
    skipped = [column.key for column in IDENTITY_COLUMNS].index("implementation")

    def cells(row: Ratio) -> tuple[Cell, ...]:
        who = list(identity_cells(row.identity, name))
        del who[skipped]
        return (
            *who,
            *_interval_cells(row.ratio, row.low, row.high, row.confidence > 0),
            Cell(row.base.median_s, print_time(row.base.median_s)),
            plain(row.base.implementation),
            Cell(row.new.median_s, print_time(row.new.median_s)),
            plain(row.new.implementation),
        )

    return Table("Best implementation of each side", columns, tuple(map(cells, rows)))


def _unlike(comparison: Comparison, name: Namer) -> Table:
    columns = (
        *IDENTITY_COLUMNS,
        Column("field", "differs in"),
        Column("base", comparison.base.label, give="cut"),
        Column("new", comparison.new.label, give="cut"),
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
    fields = {field.name for row in comparison.matching.unlike for field in row.fields}
    notes = [said for field, said in _FIELD_NOTES.items() if field in fields]
    if not rows:
        return Table("")
    return Table("Set apart: unlike, so not compared", columns, rows, tuple(notes))


_FIELD_NOTES = {
    "version": "version: a hash of the code and the sizes that define the case.",
    "program": "program: the hash of the StableHLO, though no software differs that makes it: the "
    "code that was measured has changed.",
    "clock": "clock: the timer that was read.",
}


def _missing(comparison: Comparison, name: Namer) -> Table:
    columns = (
        *IDENTITY_COLUMNS,
        Column("absent_from", "missing from"),
        Column("reason", "because", give="fold"),
    )
    labels = {"base": comparison.base.label, "new": comparison.new.label}
    rows = tuple(
        (
            *identity_cells(row.identity, name),
            Cell(row.absent_from, labels[row.absent_from]),
            Cell(row.reason, shorten(row.reason, 120)),
        )
        for row in sorted(comparison.matching.missing, key=lambda row: case_order(row.identity))
    )
    return Table("Missing", columns, rows) if rows else Table("")
