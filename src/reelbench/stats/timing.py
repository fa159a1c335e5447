"""From the rounds of processes to the timing in a record, and what a reader should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median

from msgspec import structs

from reelbench.results.schema import CaseRecord, Rates, Replicate, Timing
from reelbench.stats.interval import drift, process_interval
from reelbench.stats.moderation import Prior
from reelbench.stats.visits import median_of, rounds_interval, visits_interval
from reelbench.units import print_share

_FLOOR_WARNING = 0.01
_ROOFLINE_WARNING = 1.02
_DRIFT_WARNING = 0.05

IDLE_SHARE = 0.2
"""Share of a call in which the device does not work, from which on a case is dispatch-bound.
Beyond it, a faster kernel may well leave the time of a call as it is; below it stands what every
call costs: launching the first kernel, and hearing that the last one has ended."""


@dataclass(frozen=True)
class Unsteadiness:
    """What is known of how a machine's speed changes from one visit to the next.

    Attributes:
        wander: How far a second's median wanders, by check standards or a self-test.
        usual: How much a visit to a case varies as a rule, by visits of the same process to many.
    """

    wander: float | None = None
    usual: Prior | None = None


UNKNOWN = Unsteadiness()


def timing_of(
    replicates: Sequence[Replicate], floor_s: float, unsteadiness: Unsteadiness = UNKNOWN
) -> Timing:
    """The time of one call from the rounds of one process or several.

    Args:
        replicates: The rounds of each process.
        floor_s: Time of an empty call.
        unsteadiness: Of the machine; is in the interval of one process.
    """
    if len(replicates) > 1:
        interval = process_interval([median_of(each) for each in replicates])
    elif unsteadiness.usual:
        interval = visits_interval(replicates[0], unsteadiness.usual)
    else:
        interval = rounds_interval(replicates[0], unsteadiness.wander)
    drifts = [change for each in replicates if (change := drift(each.rounds_s)) is not None]
    devices = [each.device_s for each in replicates if each.device_s is not None]
    colder = _colder(replicates)
    return Timing(
        median_s=interval.median,
        low_s=interval.low,
        high_s=interval.high,
        confidence=interval.confidence,
        method=interval.method,
        drift=median(drifts) if drifts else None,
        device_s=median(devices) if devices else None,
        floor_share=floor_s / interval.median,
        cold_s=interval.median * colder if colder else None,
        replicates=list(replicates),
    )


def _colder(replicates: Sequence[Replicate]) -> float | None:
    """How many times as long a call takes when the caches are emptied: their geometric mean."""
    # They were made right after the first visit.
    found = [median(each.cold_s) / median(each.rounds_s) for each in replicates if each.cold_s]
    return geometric_mean(found) if found else None


def merged(
    first: CaseRecord,
    replicates: Sequence[Replicate],
    floor_s: float,
    unsteadiness: Unsteadiness = UNKNOWN,
) -> CaseRecord:
    """The record of a case from the rounds of several processes.

    Args:
        first: The record of the first process.
        replicates: The rounds of all processes, the first among them.
        floor_s: Time of an empty call.
        unsteadiness: As of `timing_of`.
    """
    timing = timing_of(replicates, floor_s, unsteadiness)
    work, least = first.work, first.rates.roofline_s
    rates = structs.replace(
        first.rates,
        clips_per_s=work.clips / timing.median_s,
        flops_per_s=work.model_flops / timing.median_s,
        bytes_per_s=work.least_bytes / timing.median_s,
        roofline_share=None if least is None else least / timing.median_s,
    )
    before = warnings_of_timing(first.timing, first.rates)
    others = [each for each in first.warnings if each not in before]
    warnings = others + warnings_of_timing(timing, rates)
    return structs.replace(first, timing=timing, rates=rates, warnings=warnings)


def warnings_of_timing(timing: Timing, rates: Rates) -> list[str]:
    """What a reader should know of the time, each as ``what: how much``: tables gather them."""
    found = []
    if timing.floor_share is not None and timing.floor_share > _FLOOR_WARNING:
        found.append(f"an empty call is over 1 % of the time: {print_share(timing.floor_share)}")
    if rates.roofline_share is not None and rates.roofline_share > _ROOFLINE_WARNING:
        found.append(f"above the measured ceiling: {print_share(rates.roofline_share)}")
    if timing.device_s is not None and timing.median_s - timing.device_s > (
        IDLE_SHARE * timing.median_s
    ):
        working = print_share(timing.device_s / timing.median_s)
        found.append(f"dispatch-bound, the device works only part of the time: {working}")
    if timing.drift is not None and abs(timing.drift) > _DRIFT_WARNING:
        found.append(f"second half of the rounds against the first: {100 * timing.drift:+.0f} %")
    if timing.confidence < 0.95:
        found.append(f"too few rounds for a 95 % interval: {len(timing.replicates[0].rounds_s)}")
    return found + _disturbed(timing.replicates)


def _disturbed(replicates: Sequence[Replicate]) -> list[str]:
    readings: list[list[str]] = []
    for each in replicates:
        readings += [each.disturbed, *(visit.disturbed for visit in each.later)]
    disturbed = [each for each in readings if each]
    if not disturbed:
        return []
    what = "processes" if len(replicates) > 1 else "visits"
    often = f" in {len(disturbed)} of {len(readings)} {what}" if len(readings) > 1 else ""
    said = ", ".join(disturbed[0]).replace(": ", " ")
    return [f"disturbed: {said}{often}"]
