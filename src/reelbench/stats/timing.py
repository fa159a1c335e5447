"""From the rounds of processes to the timing in a record, and what a reader should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import geometric_mean, median

from msgspec import structs

from reelbench.results.schema import CaseRecord, Rates, Replicate, Timing
from reelbench.stats.interval import drift, process_interval
from reelbench.stats.wandering import widened
from reelbench.units import print_share

_FLOOR_WARNING = 0.01
_ROOFLINE_WARNING = 1.02
_DRIFT_WARNING = 0.05

IDLE_SHARE = 0.2
"""Share of a call in which the device does not work, from which on a case is dispatch-bound.
Beyond it, a faster kernel may well leave the time of a call as it is; below it stands what every
call costs: launching the first kernel, and hearing that the last one has ended."""


def timing_of(
    replicates: Sequence[Replicate], floor_s: float, wander: float | None = None
) -> Timing:
    """The time of one call from the rounds of one process or several.

    Args:
        replicates: The rounds of each process.
        floor_s: Time of an empty call.
        wander: How far a second's median wanders on this machine; widens the interval of one
            process, None where no self-test has found it.
    """
    interval = process_interval([each.rounds_s for each in replicates])
    if len(replicates) == 1:
        interval = widened(interval, wander)
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
    found = [median(each.cold_s) / median(each.rounds_s) for each in replicates if each.cold_s]
    return geometric_mean(found) if found else None


def merged(
    first: CaseRecord,
    replicates: Sequence[Replicate],
    floor_s: float,
    wander: float | None = None,
) -> CaseRecord:
    """The record of a case from the rounds of several processes.

    Args:
        first: The record of the first process.
        replicates: The rounds of all processes, the first among them.
        floor_s: Time of an empty call.
        wander: As of `timing_of`.
    """
    timing = timing_of(replicates, floor_s, wander)
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
    disturbed = [each.disturbed for each in timing.replicates if each.disturbed]
    if disturbed:
        often = f" in {len(disturbed)} of {len(timing.replicates)} processes"
        said = ", ".join(disturbed[0]).replace(": ", " ")
        found.append(f"disturbed: {said}{often if len(timing.replicates) > 1 else ''}")
    return found
