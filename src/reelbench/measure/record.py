"""Puts what was found out about a case into the shape of the result file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reelbench.measure.compiling import Compiled
from reelbench.measure.roofline import roofline
from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseRecord, Ceiling, Rates, Replicate, Timing, Work
from reelbench.stats.interval import drift, median_interval
from reelbench.units import print_share

_FLOOR_WARNING = 0.01
_ROOFLINE_WARNING = 1.02
_DRIFT_WARNING = 0.05


@dataclass(frozen=True)
class Limits:
    """What bounds every case of a session: its ceilings and the time of an empty call."""

    ceilings: Sequence[Ceiling]
    floor_s: float


def record(compiled: Compiled, replicate: Replicate, limits: Limits) -> CaseRecord:
    """The record of a case that was timed."""
    traced = compiled.traced
    workload = traced.workload
    interval = median_interval(replicate.rounds_s)
    timing = Timing(
        median_s=interval.median,
        low_s=interval.low,
        high_s=interval.high,
        confidence=interval.confidence,
        method=interval.method,
        drift=drift(replicate.rounds_s),
        floor_share=limits.floor_s / interval.median,
        replicates=[replicate],
    )
    rates = _rates(compiled, interval.median, limits)
    return CaseRecord(
        identity=workload.identity,
        version=workload.version,
        outcome=Outcome.OK,
        warnings=_warnings(compiled, timing, rates),
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


def _warnings(compiled: Compiled, timing: Timing, rates: Rates) -> list[str]:
    """What a reader should know, each as ``what: how much`` so that tables can gather them."""
    found = []
    if timing.floor_share is not None and timing.floor_share > _FLOOR_WARNING:
        found.append(f"an empty call is over 1 % of the time: {print_share(timing.floor_share)}")
    if rates.roofline_share is not None and rates.roofline_share > _ROOFLINE_WARNING:
        found.append(f"above the measured ceiling: {print_share(rates.roofline_share)}")
    if timing.drift is not None and abs(timing.drift) > _DRIFT_WARNING:
        found.append(f"second half of the rounds against the first: {100 * timing.drift:+.0f} %")
    if compiled.traced.flops.unbounded:
        found.append("FLOPs of a while loop of unknown length counted once")
    if timing.confidence < 0.95:
        found.append(f"too few rounds for a 95 % interval: {len(timing.replicates[0].rounds_s)}")
    return found
