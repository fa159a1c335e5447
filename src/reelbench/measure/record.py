"""Puts what was found out about a case into the shape of the result file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from msgspec import structs

from reelbench.measure.compiling import Compiled
from reelbench.measure.roofline import roofline
from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseRecord, Ceiling, Rates, Replicate, Timing, Work
from reelbench.stats.interval import drift, process_interval
from reelbench.units import print_share

_FLOOR_WARNING = 0.01
_ROOFLINE_WARNING = 1.02
_DRIFT_WARNING = 0.05
# Beyond it, a faster kernel may well leave the time of a call as it is. Below it stands what every
# call costs: launching the first kernel, and hearing that the last one has ended.
_IDLE_WARNING = 0.2


@dataclass(frozen=True)
class Limits:
    """What bounds every case of a session: its ceilings and the time of an empty call."""

    ceilings: Sequence[Ceiling]
    floor_s: float


def record(compiled: Compiled, replicate: Replicate, limits: Limits) -> CaseRecord:
    """The record of a case that was timed."""
    traced = compiled.traced
    workload = traced.workload
    timing = timing_of([replicate], limits.floor_s)
    rates = _rates(compiled, timing.median_s, limits)
    return CaseRecord(
        identity=workload.identity,
        version=workload.version,
        outcome=Outcome.OK,
        warnings=_warnings_of_work(compiled) + _warnings_of_timing(timing, rates),
        work=Work(
            clips=workload.clips,
            frames=workload.frames,
            tokens=workload.tokens,
            parameters=workload.parameters,
            model_flops=traced.flops.model,
            least_bytes=float(traced.least_bytes),
            kept_bytes=float(traced.kept_bytes),
            xla_flops=compiled.xla_flops,
            xla_bytes=compiled.xla_bytes,
        ),
        compilation=compiled.compilation,
        memory=compiled.memory,
        timing=timing,
        rates=rates,
    )


def merged(first: CaseRecord, replicates: Sequence[Replicate], floor_s: float) -> CaseRecord:
    """The record of a case from the rounds of several processes.

    Args:
        first: The record of the first process.
        replicates: The rounds of all processes, the first among them.
        floor_s: Time of an empty call.
    """
    timing = timing_of(replicates, floor_s)
    work, least = first.work, first.rates.roofline_s
    rates = structs.replace(
        first.rates,
        clips_per_s=work.clips / timing.median_s,
        flops_per_s=work.model_flops / timing.median_s,
        bytes_per_s=work.least_bytes / timing.median_s,
        roofline_share=None if least is None else least / timing.median_s,
    )
    before = _warnings_of_timing(first.timing, first.rates)
    others = [each for each in first.warnings if each not in before]
    warnings = others + _warnings_of_timing(timing, rates)
    return structs.replace(first, timing=timing, rates=rates, warnings=warnings)


def timing_of(replicates: Sequence[Replicate], floor_s: float) -> Timing:
    """The time of one call from the rounds of one process or several.

    Args:
        replicates: The rounds of each process.
        floor_s: Time of an empty call.
    """
    interval = process_interval([each.rounds_s for each in replicates])
    drifts = [change for each in replicates if (change := drift(each.rounds_s)) is not None]
    devices = [each.device_s for each in replicates if each.device_s is not None]
    return Timing(
        median_s=interval.median,
        low_s=interval.low,
        high_s=interval.high,
        confidence=interval.confidence,
        method=interval.method,
        drift=median(drifts) if drifts else None,
        device_s=median(devices) if devices else None,
        floor_share=floor_s / interval.median,
        replicates=list(replicates),
    )


def _rates(compiled: Compiled, median_s: float, limits: Limits) -> Rates:
    traced = compiled.traced
    identity = traced.workload.identity
    # What devices tell each other is bound by what connects them, whose ceiling is not measured.
    least = (
        roofline(traced.flops.model, traced.least_bytes, identity.dtype, limits.ceilings)
        if identity.mesh is None
        else None
    )
    return Rates(
        clips_per_s=traced.workload.clips / median_s,
        flops_per_s=traced.flops.model / median_s,
        bytes_per_s=traced.least_bytes / median_s,
        roofline_s=least.seconds if least else None,
        roofline_share=least.seconds / median_s if least else None,
        bound=least.bound if least else None,
    )


def _warnings_of_work(compiled: Compiled) -> list[str]:
    """What a reader should know of the program, each as ``what: how much``."""
    if compiled.traced.flops.unbounded:
        return ["FLOPs of a while loop of unknown length counted once", *compiled.doubts]
    return list(compiled.doubts)


def _warnings_of_timing(timing: Timing, rates: Rates) -> list[str]:
    """What a reader should know of the time, each as ``what: how much``: tables gather them."""
    found = []
    if timing.floor_share is not None and timing.floor_share > _FLOOR_WARNING:
        found.append(f"an empty call is over 1 % of the time: {print_share(timing.floor_share)}")
    if rates.roofline_share is not None and rates.roofline_share > _ROOFLINE_WARNING:
        found.append(f"above the measured ceiling: {print_share(rates.roofline_share)}")
    if timing.device_s is not None and timing.median_s - timing.device_s > (
        _IDLE_WARNING * timing.median_s
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
