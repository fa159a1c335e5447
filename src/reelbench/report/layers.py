"""The table of measured layers: what each case took, and how near to the ceiling it came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from msgspec import structs

from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.report.text import shorten
from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseOutcome, CaseRecord, Identity, Rates
from reelbench.units import print_rate, print_ratio, print_share, print_time

_PASSES = {"forward": 0, "train": 1}
_REASON_LENGTH = 120
_MOST_CASES = 12  # named of those that only time kept from being measured
_MOST_NEVER_BEGUN = 15  # each in a row of its own
# Outcomes of which many are told in one line: nothing went wrong.
_IN_ONE_LINE = (Outcome.OVER_BUDGET, Outcome.SATURATED, Outcome.REFERENCE_IS_BEST)
_MOST_LOSERS = 8
_REFERENCE = "reference"
# Less than that is not worth changing a layer for, and may be noise.
_LEAST_LOSS = 1.1

_DISTURBED = "disturbed"  # kind of the warning that holds what disturbed the rounds

# What a name need not say: what a user gets on a CPU without asking for anything.
_USUAL = {"dtype": "float32", "batch": 1, "implementation": "reference", "mesh": None}

_SUFFIXES: dict[str, Callable[[Identity], str]] = {
    "dtype": lambda identity: identity.dtype,
    "batch": lambda identity: f"batch {identity.batch}" if identity.batch else "",
    # The plain form goes without saying.
    "implementation": lambda identity: (
        "" if identity.implementation == _REFERENCE else identity.implementation
    ),
    "precision": lambda identity: f"precision {identity.precision}",
    "mesh": lambda identity: f"mesh {identity.mesh}" if identity.mesh else "",
}

IDENTITY_COLUMNS = (
    Column("layer", "", shown=False),
    Column("family", "", shown=False),
    Column("preset", "", shown=False),
    Column("dtype", "", shown=False),
    Column("batch", "", shown=False),
    Column("implementation", "", shown=False),
    Column("precision", "", shown=False),
    Column("mesh", "", shown=False),
    Column("name", "layer", give="fold"),
    Column("pass", "pass"),
)

_TIMED_COLUMNS = (
    Column("outcome", "", shown=False),
    Column("median_s", "median", align="right"),
    Column("low_s", "", shown=False),
    Column("high_s", "", shown=False),
    Column("half_width", "±", align="right"),
    Column("clips_per_s", "clips/s", align="right"),
    Column("flops_per_s", "", shown=False),
    Column("bytes_per_s", "", shown=False),
    Column("limiting_rate", "rate", align="right"),
    Column("roofline_share", "share", align="right"),
    Column("bound", "of ceiling"),
)
_GAIN_COLUMN = Column("gain", "plain", align="right")

_UNTIMED_COLUMNS = (
    Column("outcome", "outcome"),
    Column("reason", "reason", give="fold"),
)


def case_order(identity: Identity) -> tuple[object, ...]:
    """Sorts by family, then preset, forward before train, then by the rest of the identity."""
    return (
        identity.family,
        identity.preset,
        _PASSES.get(identity.pass_, 2),
        identity.pass_,
        identity.dtype,
        identity.batch,
        identity.implementation,
        identity.precision,
        identity.mesh or "",
        identity.layer,
    )


def case_namer(identities: Iterable[Identity]) -> Callable[[Identity], str]:
    """A function that names a case by its preset and by what is unusual or varies among these."""
    values: dict[str, set[object]] = {field: set() for field in _SUFFIXES}
    for identity in identities:
        for field, seen in values.items():
            seen.add(getattr(identity, field))
    telling = [
        field
        for field, seen in values.items()
        if len(seen) > 1 or (field in _USUAL and seen != {_USUAL[field]})
    ]
    return lambda identity: " ".join(
        filter(None, [identity.preset, *(_SUFFIXES[field](identity) for field in telling)])
    )


def layer_table(
    records: Sequence[CaseRecord], outcomes: Sequence[CaseOutcome] = (), title: str = ""
) -> Table:
    """Times and rates of measured cases; cases without a timing follow as notes with their reason.

    Args:
        records: Measured cases, in any order.
        outcomes: What became of each case; those that were measured are passed over.
        title: Stands above the table.
    """
    missing = without_timing(records, outcomes)
    name = case_namer(_identities(records, missing))
    ordered = sorted(records, key=lambda record: case_order(record.identity))
    gains = gains_over_plain(records)
    rows = tuple(
        (*identity_cells(r.identity, name), *_timing_cells(r), _gain_cell(gains.get(r.identity)))
        for r in ordered
    )
    notes = _gain_notes(gains) + _warning_notes(ordered, name) + _outcome_notes(missing, name)
    if not rows:
        notes.insert(0, "No layer was measured.")
    gain = replace(_GAIN_COLUMN, shown=bool(gains))
    return Table(title, (*IDENTITY_COLUMNS, *_TIMED_COLUMNS, gain), rows, tuple(notes))


def gains_over_plain(records: Sequence[CaseRecord]) -> dict[Identity, float]:
    """Of each case that is not computed plainly: the plain form's time over its own."""
    plainly = {
        record.identity: record.timing.median_s
        for record in records
        if record.identity.implementation == _REFERENCE
    }
    gains = {}
    for record in records:
        plain_form = structs.replace(record.identity, implementation=_REFERENCE)
        if record.identity != plain_form and plain_form in plainly:
            gains[record.identity] = plainly[plain_form] / record.timing.median_s
    return gains


def _gain_cell(gain: float | None) -> Cell:
    return Cell(gain, "" if gain is None else print_ratio(gain))


def _gain_notes(gains: Mapping[Identity, float]) -> list[str]:
    """The layers in which the plain form loses most, and what wins."""
    lost = [each for each in gains if gains[each] >= _LEAST_LOSS]
    if not gains:
        return []
    notes = ["plain: the plain form's time over that of the implementation named in the row."]
    if lost:
        lost.sort(key=lambda each: -gains[each])
        told = ", ".join(
            f"{shorten(each.preset, 40)} {each.pass_} {print_ratio(gains[each])} by "
            f"{shorten(each.implementation, 40)}"
            for each in lost[:_MOST_LOSERS]
        )
        more = f" and {len(lost) - _MOST_LOSERS} more" if len(lost) > _MOST_LOSERS else ""
        notes.append(f"The plain form loses most in: {told}{more}.")
    return notes


def _warning_notes(records: Sequence[CaseRecord], name: Callable[[Identity], str]) -> list[str]:
    """Warnings gathered by kind (what stands before the colon), each with the cases it concerns."""
    gathered: dict[str, list[str]] = {}
    for record in records:
        for warning in record.warnings:
            kind, _, detail = warning.partition(": ")
            if kind == _DISTURBED and detail:
                detail = f"({detail})"  # several things, with commas between them
            said = f"{name(record.identity)} {record.identity.pass_} {detail}".rstrip()
            gathered.setdefault(kind, []).append(shorten(said, _REASON_LENGTH))
    disturbed = gathered.get(_DISTURBED, [])
    if len(disturbed) > _MOST_CASES:  # on a busy machine that can be all of them
        more = len(disturbed) - _MOST_CASES
        gathered[_DISTURBED] = [*disturbed[:_MOST_CASES], f"and {more} more"]
    return [f"{kind}: {', '.join(cases)}" for kind, cases in gathered.items()]


def _outcome_notes(missing: Sequence[CaseOutcome], name: Callable[[Identity], str]) -> list[str]:
    """A line a case, but one line for all that only time kept from being measured."""
    short = [case for case in missing if case.outcome in _IN_ONE_LINE]
    notes = [
        f"{name(case.identity)} {case.identity.pass_}: {outcome_text(case.outcome)}"
        + (f", {shorten(case.reason, _REASON_LENGTH)}" if case.reason else "")
        for case in missing
        if case.outcome not in _IN_ONE_LINE
    ]
    for outcome in dict.fromkeys(case.outcome for case in short):
        passes: dict[str, list[str]] = {}
        for case in short:
            if case.outcome is outcome:
                passes.setdefault(name(case.identity), []).append(case.identity.pass_)
        cases = [f"{case} ({'+'.join(each)})" for case, each in passes.items()]
        if len(cases) > _MOST_CASES:
            more = len(cases) - _MOST_CASES
            cases = [*cases[:_MOST_CASES], f"and {more} more, which reelbench show lists"]
        notes.append(f"{outcome_text(outcome)}: {', '.join(cases)}. {outcome.advice}")
    return notes


def outcome_table(records: Sequence[CaseRecord], outcomes: Sequence[CaseOutcome]) -> Table:
    """Cases without a timing, with their reasons, and what to do about each kind in the notes.

    Many that were never begun for want of time are a note for people, and rows in JSON and CSV.
    """
    missing = without_timing(records, outcomes)
    name = case_namer(_identities(records, missing))
    never = [case for case in missing if _was_never_begun(case)]
    if len(never) <= _MOST_NEVER_BEGUN:
        never = []

    def row(case: CaseOutcome) -> tuple[Cell, ...]:
        return (
            *identity_cells(case.identity, name),
            Cell(case.outcome.value, outcome_text(case.outcome)),
            Cell(case.reason, shorten(case.reason, _REASON_LENGTH)),
        )

    advice = {
        case.outcome: f"{outcome_text(case.outcome)}: {case.advice or case.outcome.advice}"
        for case in missing
        if case.advice or case.outcome.advice
    }
    return Table(
        f"Not measured: {len(missing)}",
        IDENTITY_COLUMNS + _UNTIMED_COLUMNS,
        tuple(row(case) for case in missing if not (never and _was_never_begun(case))),
        (*_never_begun_notes(never), *advice.values()),
        folded=tuple(map(row, never)),
    )


def _was_never_begun(case: CaseOutcome) -> bool:
    """Whether only its estimate kept a case out: one that was tried has a time instead."""
    return case.outcome is Outcome.OVER_BUDGET and "estimated_s" in case.numbers


def _never_begun_notes(never: Sequence[CaseOutcome]) -> list[str]:
    if not never:
        return []
    families = Counter(shorten(case.identity.family, _REASON_LENGTH) for case in never)
    counts = ", ".join(f"{count} {family}" for family, count in families.items())
    return [f"never begun, as they did not fit into the time left: {counts}"]


def identity_cells(identity: Identity, name: Callable[[Identity], str]) -> tuple[Cell, ...]:
    """The cells under `IDENTITY_COLUMNS`: people see the name, JSON and CSV carry every field."""
    return (
        plain(identity.layer),
        plain(identity.family),
        plain(identity.preset),
        plain(identity.dtype),
        plain(identity.batch),
        plain(identity.implementation),
        plain(identity.precision),
        plain(identity.mesh),
        plain(name(identity)),
        plain(identity.pass_),
    )


def without_timing(
    records: Sequence[CaseRecord], outcomes: Sequence[CaseOutcome]
) -> list[CaseOutcome]:
    """The outcomes of cases that have no record, in the order of the table."""
    measured = {record.identity for record in records}
    missing = [case for case in outcomes if case.identity not in measured]
    return sorted(missing, key=lambda case: case_order(case.identity))


def outcome_text(outcome: Outcome) -> str:
    """An outcome in words."""
    return outcome.value.replace("_", " ")


def rate_cell(rates: Rates) -> Cell:
    """The rate that limits the case; bytes per second also where there are no FLOPs."""
    if rates.bound == "memory" or not rates.flops_per_s:
        return Cell(rates.bytes_per_s, print_rate(rates.bytes_per_s, "B/s"))
    return Cell(rates.flops_per_s, print_rate(rates.flops_per_s, "FLOP/s"))


def share_cell(share: float | None) -> Cell:
    """A share of the measured ceiling; unknown where no ceiling was measured."""
    return Cell(share, "–" if share is None else print_share(share))


def _identities(records: Sequence[CaseRecord], cases: Sequence[CaseOutcome]) -> list[Identity]:
    return [record.identity for record in records] + [case.identity for case in cases]


def _timing_cells(record: CaseRecord) -> tuple[Cell, ...]:
    timing, rates = record.timing, record.rates
    half_width = (timing.high_s - timing.low_s) / (2 * timing.median_s)
    disturbed = "" if record.outcome is Outcome.OK else f"{outcome_text(record.outcome)} "
    return (
        plain(record.outcome.value),
        Cell(timing.median_s, disturbed + print_time(timing.median_s)),
        _raw(timing.low_s),
        _raw(timing.high_s),
        Cell(half_width, print_share(half_width)),
        Cell(rates.clips_per_s, print_rate(rates.clips_per_s)),
        _raw(rates.flops_per_s),
        _raw(rates.bytes_per_s),
        rate_cell(rates),
        share_cell(rates.roofline_share),
        plain(rates.bound),
    )


def _raw(value: float) -> Cell:
    """A number that only JSON and CSV carry."""
    return Cell(value, "")
