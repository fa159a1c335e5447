"""A sitting as tables: the functions, then one table for each harness."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from claims import (
    Claim,
    Count,
    Reading,
    Reference,
    covers,
    covers_others,
    false_alarms,
    half_width,
    references,
)
from peers import CLAIMS, NOTES
from sitting import LOOP, NOT_COMPARED, REPLICATES, Comparison, Sitting

from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.units import print_duration, print_time

_FUNCTIONS = (
    Column("function", "Function"),
    Column("median_s", "Long-run median", "right"),
    Column("mean_s", "Long-run mean", "right"),
    Column("half_width", "known to", "right"),
    Column("spread", "Spread of processes", "right"),
)
_CLAIMS = (
    Column("claim", "Interval", give="fold"),
    Column("nominal", "Claims", "right"),
    Column("half_width", "Half-width", "right"),
    Column("covers", "Holds long run", "right"),
    Column("covers_others", "… its own", "right"),
    Column("rule", "Rule", give="fold"),
    Column("false_alarms", "False alarms", "right"),
)


def tables(sitting: Sitting, *, at_least_s: float = 0.0, each: bool = False) -> list[Table]:
    """The tables of a sitting.

    Args:
        sitting: What was measured.
        at_least_s: Functions that take less in the long run are left out.
        each: Whether a row is added for every function.
    """
    known = {
        name: long_run
        for name, long_run in references(sitting).items()
        if long_run.median >= at_least_s
    }
    made = [_functions(sitting, known, at_least_s)]
    made += [_harness(sitting, name, known, each) for name in CLAIMS if sitting.of(name)]
    if sitting.comparisons:
        made.append(_comparisons(sitting.comparisons))
    return made


def _functions(sitting: Sitting, known: dict[str, Reference], at_least_s: float) -> Table:
    rows = tuple(
        (
            plain(name),
            Cell(run.median, print_time(run.median)),
            Cell(run.mean, print_time(run.mean)),
            _width(run.half_width),
            _percent(run.spread),
        )
        for name, run in sorted(known.items(), key=lambda item: item[1].median)
    )
    versions = ", ".join(f"{name} {version}" for name, version in sitting.versions.items())
    total = len(sitting.readings(LOOP))
    notes = [f"{sitting.machine or 'an unknown machine'}, {sitting.created}: {versions}"]
    if at_least_s:
        notes.append(f"{total - len(known)} functions under {print_time(at_least_s)} left out.")
    title = f"The long run: {len(sitting.of(LOOP))} processes of a plain loop"
    return Table(title, _FUNCTIONS, rows, tuple(notes))


def _harness(sitting: Sitting, name: str, known: dict[str, Reference], each: bool) -> Table:
    processes = sitting.of(name)
    readings = {key: got for key, got in sitting.readings(name).items() if key in known}
    rows: list[tuple[Cell, ...]] = []
    for claim in CLAIMS[name]:
        rows.append(_row(claim, claim.name, readings, known))
        if each:
            rows += [_row(claim, f"  {key}", {key: got}, known) for key, got in readings.items()]
    wall = median(process.wall_s for process in processes)
    count = max(len(process.readings) for process in processes) or 1
    planned = sitting.options.get("processes", len(processes))
    made = f"{len(processes)}" if planned == len(processes) else f"{len(processes)} of {planned}"
    title = (
        f"{_label(sitting, name)}: {made} processes, "
        f"{print_duration(wall)} each, {wall / count:.1f} s a function"
    )
    notes = (*NOTES[name], *_findings(CLAIMS[name][0], readings, known, len(processes)))
    return Table(title, _CLAIMS, tuple(rows), notes)


def _row(
    claim: Claim, label: str, readings: dict[str, list[Reading]], known: dict[str, Reference]
) -> tuple[Cell, ...]:
    widths = [width for got in readings.values() if (width := half_width(claim, got)) is not None]
    inside = own = alarms = Count(0, 0)
    for key, got in readings.items():
        inside += covers(claim, got, getattr(known[key], claim.about))
        own += covers_others(claim, got)
        alarms += false_alarms(claim, got)
    return (
        Cell(label or None, label),
        _share(claim.nominal),
        _width(median(widths) if widths else None),
        _count(inside),
        _count(own),
        plain(claim.rule or None),
        _count(alarms),
    )


def _findings(
    claim: Claim, readings: dict[str, list[Reading]], known: dict[str, Reference], processes: int
) -> list[str]:
    """How far the harness is off the plain loop, and what is missing."""
    notes = []
    ratios = [
        median(each.figures[claim.figure] for each in got) / getattr(known[key], claim.about)
        for key, got in readings.items()
    ]
    if ratios:
        off = 100 * (median(ratios) - 1)
        notes.append(
            f"Its {claim.figure[:-2]} over the plain loop's: {off:+.1f} % (median of all)."
        )
    expected = processes * len(known)
    measured = sum(map(len, readings.values()))
    if measured != expected:
        notes.append(f"{expected - measured} of {expected} readings are missing.")
    return notes


def _comparisons(comparisons: Sequence[Comparison]) -> Table:
    ends = [(c.low, c.high) for c in comparisons if c.low is not None and c.high is not None]
    verdicts = [each.verdict for each in comparisons]
    said = [each for each in verdicts if each != NOT_COMPARED]
    confidences = [each.confidence for each in comparisons if each.confidence is not None]
    inside = Count(sum(low <= 0 <= high for low, high in ends), len(ends))
    alarms = Count(sum(each in ("faster", "slower") for each in said), len(said))
    row = (
        plain("ratio B over A"),
        _share(min(confidences, default=None)),
        _width(median((high - low) / 2 for low, high in ends) if ends else None),
        _count(inside),
        _count(Count(0, 0)),
        plain("faster or slower"),
        _count(alarms),
    )
    pairs = median(each.pairs for each in comparisons)
    seconds = [each.seconds for each in comparisons if each.seconds is not None]
    took = f", {median(seconds):.1f} s each" if seconds else ""
    counted = ", ".join(f"{verdicts.count(each)} {each}" for each in sorted(set(verdicts)))
    return Table(
        f"reelbench ab: {len(comparisons)} comparisons of {pairs:g} pairs of processes{took}",
        _CLAIMS,
        (row,),
        (f"{counted}.", "The long run is known here: the same code over itself, a ratio of one."),
    )


def _label(sitting: Sitting, name: str) -> str:
    if name == REPLICATES:
        return f"{name} {sitting.options.get('runs', '?')}"
    return f"{name} {sitting.versions.get(name, '')}".rstrip()


def _width(value: float | None) -> Cell:
    return Cell(value, "–" if value is None else f"± {_digits(100 * value)} %")


def _share(value: float | None) -> Cell:
    return Cell(value, "–" if value is None else f"{100 * value:.4g} %")


def _percent(value: float) -> Cell:
    return Cell(value, f"{_digits(100 * value)} %")


def _digits(percent: float) -> str:
    return f"{percent:.{2 if percent < 1 else 1 if percent < 10 else 0}f}"


def _count(count: Count) -> Cell:
    share = count.share
    return Cell(share, "–" if share is None else f"{100 * share:.3g} % of {count.of}")
