"""Makes one benchmark of a case from what several processes measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import structs

from reelbench.measure.protocol import MOST_ROUNDS
from reelbench.measure.record import Limits
from reelbench.merge import statistics_of
from reelbench.results.journal import Entry
from reelbench.results.schema import CaseRecord, Replicate, Timing, Visit
from reelbench.stats.interval import median_interval
from reelbench.stats.stopping import rounds_needed, runs_needed
from reelbench.stats.timing import merged
from reelbench.stats.visits import median_of
from reelbench.units import print_share

# With fewer processes their interval says little, and could be narrow by chance.
_FEWEST_JUDGED = 3
_WIDER = "wider than asked"


def record_of(entry: Entry) -> CaseRecord:
    """The record in a case's entry of the journal.

    Raises:
        ValueError: The case was not timed.
    """
    if entry.benchmark is None:
        raise ValueError(f"{entry.name} was not timed")
    return msgspec.convert(entry.benchmark["extra_info"]["reelbench"], CaseRecord)


@dataclass(frozen=True)
class Asked:
    """What the user asked for, and what came in between.

    Attributes:
        runs: How many processes.
        width: The wanted relative half-width, if any.
        trouble: Why there are fewer processes, if there are.
    """

    runs: int
    width: float | None = None
    trouble: str = ""


def merge(
    first: Entry,
    visits: Sequence[Visit],
    others: Sequence[Entry],
    asked: Asked,
    *,
    limits: Limits,
) -> dict[str, Any]:
    """The benchmark of a case, in pytest-benchmark's form.

    Args:
        first: What the first process found.
        visits: What it found when it came back.
        others: What further processes found, failures too.
        asked: What the user asked for.
        limits: What the cases of the session are held against.

    Raises:
        ValueError: The first process did not time the case.
    """
    start = record_of(first)
    replicates = [
        process_of(first, visits),
        *(each.replicate for each in others if each.replicate is not None),
    ]
    record = merged(start, replicates, limits.floor_s, limits.unsteadiness)
    # What was said of the width when the case was timed is said anew.
    warnings = [each for each in record.warnings if not each.startswith(_WIDER)]
    width, count = asked.width, len(replicates)
    if count < asked.runs and not (width and narrow_enough(record.timing, width)):
        why = next((each.reason for each in others if each.reason), asked.trouble)
        warnings.append(f"fewer processes than asked for: {count} of {asked.runs}, {why}")
    if width:
        warnings += wider_than(record.timing, width)
    record = structs.replace(record, warnings=warnings)
    benchmark: dict[str, Any] = first.benchmark or {}
    return {
        **benchmark,
        "extra_info": {**benchmark["extra_info"], "reelbench": msgspec.to_builtins(record)},
        "stats": {**benchmark["stats"], **statistics_of(replicates).as_dict()},
    }


def process_of(entry: Entry, visits: Sequence[Visit]) -> Replicate:
    """The rounds of the first process, which are in the case's entry, with its later visits.

    Raises:
        ValueError: The case was not timed.
    """
    return structs.replace(record_of(entry).timing.replicates[0], later=list(visits))


def half_width(timing: Timing) -> float:
    """Half the width of the interval over the median."""
    return (timing.high_s - timing.low_s) / (2 * timing.median_s)


def narrow_enough(timing: Timing, width: float) -> bool:
    """Whether further processes need not measure the case, as its interval is narrow already."""
    return len(timing.replicates) >= _FEWEST_JUDGED and half_width(timing) <= width


def wider_than(timing: Timing, width: float) -> list[str]:
    """A warning where the interval is wider than wanted, with what would make it narrower."""
    reached = half_width(timing)
    if reached <= width:
        return []
    first, *others = timing.replicates
    if others:
        more = runs_needed([median_of(each) for each in timing.replicates], width)
        needed = max(1, (more or 0) - len(timing.replicates))
        how = f"about {needed} more {'process' if needed == 1 else 'processes'} would do"
    elif first.later or median_interval(first.rounds_s).relative_half_width <= width:
        how = "the machine wanders more from second to second; try several processes, --reel-runs"
    elif (needed := rounds_needed(first.rounds_s, width) - len(first.rounds_s)) < MOST_ROUNDS:
        needed = max(1, needed)
        how = f"about {needed} more {'round' if needed == 1 else 'rounds'} would do"
    else:
        how = "try several processes with --reel-runs"
    return [f"{_WIDER}: ± {print_share(reached)} of {print_share(width)}; {how}"]
