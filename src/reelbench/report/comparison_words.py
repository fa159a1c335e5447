"""What a comparison says in words: the answer in one sentence, and what limits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reelbench.compare import JUDGED, Comparison
from reelbench.compare.means import Mean
from reelbench.compare.sides import Side
from reelbench.report.facts import fact_label
from reelbench.results.schema import Identity
from reelbench.stats.verdict import Verdict, error_of_case
from reelbench.units import print_ratio, print_share

Namer = Callable[[Identity], str]

_MOVERS = 3
_MOST_NAMED = 6
# Where both labels are longer, a column has no room for them.
_LONGEST_HEADING = 12


def sentence(comparison: Comparison) -> str:
    """The answer in one sentence, with everything that it leaves out counted."""
    base, new = comparison.base.label, comparison.new.label
    verdicts = ""
    if comparison.mode in JUDGED:
        said = [f"{comparison.count(v)} {v.value}" for v in Verdict if comparison.count(v)]
        verdicts = ", ".join(said)
    rest = ", ".join(filter(None, [verdicts, *_left_out(comparison)]))
    mean = comparison.mean
    if mean is None:
        return f"Nothing to compare: no case of {base} is also in {new}" + _after("; ", rest) + "."
    found = "one case" if mean.cases == 1 else f"geometric mean of {mean.cases} cases"
    interval = f", {print_ratio(mean.low)} to {print_ratio(mean.high)}" if is_known(mean) else ""
    speed = print_ratio(mean.ratio)
    return f"{new} runs at {speed} the speed of {base} ({found}{interval}){_after('; ', rest)}."


def _left_out(comparison: Comparison) -> list[str]:
    matching = comparison.matching
    base, new = comparison.base.label, comparison.new.label
    gone = dict.fromkeys(("base", "new"), 0)
    for row in matching.missing:
        gone[row.absent_from] += 1
    return [
        f"{len(matching.unlike)} set apart as unlike" if matching.unlike else "",
        f"{gone['new']} missing from {new}" if gone["new"] else "",
        f"{gone['base']} missing from {base}" if gone["base"] else "",
        f"{matching.neither} measured in neither" if matching.neither else "",
    ]


def caveats(comparison: Comparison, name: Namer) -> list[str]:
    """What the sentence cannot know or does not count."""
    notes = []
    if headings(comparison)[0] != comparison.base.label:
        notes.append(f"base is {comparison.base.label}, new is {comparison.new.label}.")
    notes.append(_mode(comparison))
    if comparison.same_run:
        notes.append(f"{comparison.base.label} and {comparison.new.label} share a run.")
    notes += _movers(comparison, name)
    if comparison.ratios:
        notes += [_knows(comparison)]
    for side, older in zip(
        (comparison.base, comparison.new), comparison.matching.older, strict=True
    ):
        notes += side_notes(side, older)
    return notes


def _mode(comparison: Comparison) -> str:
    facts = comparison.facts
    if facts is None or comparison.mode == "unknown":
        return (
            "Files of pytest-benchmark alone do not say which machine it was, in which processes, "
            "which program ran, at which dtype, or whether outputs were waited for: ratios of "
            "medians only, and no verdicts."
        )
    if comparison.mode == "regression":
        return "Same machine, same software."
    if comparison.mode == "software":
        changed = named([fact_label(row.name) for row in facts.of_kind("software")])
        return f"Same machine, other software: {changed} may be the reason for a ratio."
    if comparison.base.newest.machine == comparison.new.newest.machine:
        limits = named([fact_label(row.name) for row in facts.of_kind("hardware", "limit")])
        return f"Same hardware, other limits on it: {limits}. Ratios, and no verdicts."
    return "Different machines: ratios of times, and each one's share of its own ceilings."


def named(labels: Sequence[str]) -> str:
    """Labels in a row, the first few by name."""
    more = f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else ""
    return ", ".join(labels[:_MOST_NAMED]) + more


def _movers(comparison: Comparison, name: Namer) -> list[str]:
    """The largest changes either way, of the cases that are decided where any can be."""
    rows = list(comparison.ratios)
    if comparison.mode in JUDGED:
        rows = [row for row in rows if row.verdict in (Verdict.SLOWER, Verdict.FASTER)]
    elif len(rows) == 1:
        return []
    rows.sort(key=lambda row: row.ratio)
    said = []
    for word, chosen in (
        ("slowest", [row for row in rows if row.ratio < 1][:_MOVERS]),
        ("fastest", [row for row in reversed(rows) if row.ratio > 1][:_MOVERS]),
    ):
        if chosen:
            cases = ", ".join(
                f"{name(row.identity)} {row.identity.pass_}".rstrip() + f" {print_ratio(row.ratio)}"
                for row in chosen
            )
            said.append(f"{word} {cases}")
    return [f"Most changed: {'; '.join(said)}."] if said else []


def _knows(comparison: Comparison) -> str:
    """What the intervals and verdicts stand on."""
    judged = comparison.mode in JUDGED
    if comparison.mode == "unknown":
        known = [row for row in comparison.ratios if row.confidence > 0]
        if not known:
            return (
                "No intervals: the files hold no rounds (pytest --benchmark-save-data keeps them)."
            )
        return "Intervals are those of the rounds of one process: see --reel-runs."
    spreads = [
        f"{side.label} {print_share(side.noise.process)}"
        for side in (comparison.base, comparison.new)
        if side.noise is not None
    ]
    if comparison.fewest_runs > 1:
        what = "Intervals are between runs"
    elif comparison.processes > 1:
        what = "Intervals are between the processes of one run each"
        sessions = [side for side in (comparison.base, comparison.new) if len(side.runs) == 1]
        if all(side.noise and side.noise.session is not None for side in sessions):
            what += ", and hold what self-tests found to change from sitting to sitting"
        elif judged:
            what += (
                "; what changes from sitting to sitting is not in them: compare several runs a "
                "side, or use reelbench ab"
            )
    elif len(spreads) == 2:
        what = (
            "One process each: the intervals hold what changes from process to process, as a "
            f"self-test found it (standard deviation: {', '.join(spreads)})"
        )
    else:
        unknown = " and ".join(
            side.label for side in (comparison.base, comparison.new) if side.noise is None
        )
        what = (
            "One process each cannot tell noise from change: the intervals come from its rounds "
            "and do not hold what changes from process to process. A reelbench selftest on the "
            f"machine of {unknown} would tell; so would --reel-runs 5, or reelbench ab"
        )
    if judged:
        level = 100 * (1 - error_of_case(len(comparison.ratios)))
        what += (
            f". Verdicts: threshold ±{print_share(comparison.threshold)}, {level:.2f} % intervals, "
            "so that all verdicts together are wrong at most once in twenty"
        )
    return f"{what}."


def side_notes(side: Side, older: int = 0) -> list[str]:
    """What a side consists of where that is not one run and all its cases."""
    notes = []
    if len(side.runs) > 1:
        first, last = side.runs[0].created[:10], side.runs[-1].created[:10]
        when = first if first == last else f"{first} to {last}"
        notes.append(f"{side.label}: {len(side.runs)} runs, {when}.")
    if side.apart:
        fields = dict.fromkeys(fact_label(field) for each in side.apart for field in each.fields)
        notes.append(
            f"{side.label}: {len(side.apart)} runs set apart, as they differ from the newest in "
            f"{named(list(fields))}."
        )
    if side.repeated:
        notes.append(f"{side.label}: {len(side.repeated)} files repeat runs and count once.")
    if older:
        notes.append(f"{side.label}: {older} readings of older code of the same name left out.")
    incomplete = sum(not run.complete for run in side.runs)
    if incomplete:
        notes.append(f"{side.label}: {incomplete} of {len(side.runs)} runs were cut short.")
    if side.foreign and side.newest.protocol is not None:
        notes.append(f"{side.label}: {side.foreign} benchmarks hold no reelbench record.")
    return notes


def _after(separator: str, text: str) -> str:
    return f"{separator}{text}" if text else ""


def is_known(mean: Mean) -> bool:
    """Whether an interval around a mean is known."""
    return mean.low < mean.ratio < mean.high


def headings(comparison: Comparison) -> tuple[str, str]:
    """The labels of both sides, or shorter words for them where a column has no room for them."""
    labels = comparison.base.label, comparison.new.label
    if max(map(len, labels)) <= _LONGEST_HEADING:
        return labels
    return "base", "new"
