"""Puts what was found out about a case into the shape of the result file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reelbench.measure.compiling import Compiled
from reelbench.measure.roofline import roofline
from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseRecord, Ceiling, Rates, Replicate, Work
from reelbench.stats.timing import UNKNOWN, Unsteadiness, timing_of, warnings_of_timing


@dataclass(frozen=True)
class Limits:
    """What every case of a session is held against.

    Attributes:
        ceilings: What the machine reached.
        floor_s: Time of an empty call.
        unsteadiness: What is known of how the machine's speed changes.
    """

    ceilings: Sequence[Ceiling]
    floor_s: float
    unsteadiness: Unsteadiness = UNKNOWN


def record(compiled: Compiled, replicate: Replicate, limits: Limits) -> CaseRecord:
    """The record of a case that was timed."""
    traced = compiled.traced
    workload = traced.workload
    timing = timing_of([replicate], limits.floor_s, limits.unsteadiness)
    rates = _rates(compiled, timing.median_s, limits)
    return CaseRecord(
        identity=workload.identity,
        version=workload.version,
        outcome=Outcome.OK,
        warnings=_warnings_of_work(compiled) + warnings_of_timing(timing, rates),
        work=Work(
            clips=workload.clips,
            frames=workload.frames,
            tokens=workload.tokens,
            parameters=workload.parameters,
            model_flops=traced.model_flops,
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
        roofline(traced.model_flops, traced.least_bytes, identity.dtype, limits.ceilings)
        if identity.mesh is None
        else None
    )
    return Rates(
        clips_per_s=traced.workload.clips / median_s,
        flops_per_s=traced.model_flops / median_s,
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
