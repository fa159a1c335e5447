"""What a comparison keeps of a result file: a few numbers a case, whatever the number of rounds."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from reelbench.results.outcome import Outcome
from reelbench.results.schema import Benchmark, CaseRecord, Fact, Identity, MachineInfo, Results
from reelbench.stats.interval import median_interval
from reelbench.stats.timing import IDLE_SHARE
from reelbench.stats.visits import median_of

FOREIGN = "pytest-benchmark"
"""Family of the benchmarks that have no record of ours."""

Limit = Literal["compute", "memory", "dispatch"]


class Reading(Struct, frozen=True, array_like=True, gc=False):
    """One case as one run measured it.

    Attributes:
        version: Hash of the code and the sizes that define the case; empty where unknown.
        program: Hash of the program's StableHLO; empty where unknown.
        clock: Name of the timer that was read.
        medians_s: Median of the rounds of each process, by runs: a merged file holds several.
        low_s: Lower end of the run's own interval.
        high_s: Upper end.
        confidence: Coverage of that interval; 0 where the file holds none.
        share: Of the roofline by the ceilings of that session.
        limit: What keeps the case from being faster there, where known.
    """

    identity: Identity
    version: str
    program: str
    clock: str
    outcome: Outcome
    medians_s: tuple[tuple[float, ...], ...]
    median_s: float
    low_s: float
    high_s: float
    confidence: float
    share: float | None = None
    limit: Limit | None = None


class Digest(Struct, frozen=True, array_like=True):
    """One run.

    Attributes:
        name: What the file is called.
        created: When the run began, ISO 8601.
        run_ids: The runs in the file; several where it was merged.
        machine: Id of the machine, where the file says it.
        facts: Of the machine; None where the file says nothing.
        protocol: Version of the measuring protocol; None in a file of pytest-benchmark alone.
        commit: Of the repository that was measured, where known.
        readings: Its cases, in file order.
        unmeasured: The cases without a timing, each with what became of it, in words.
        foreign: How many benchmarks have no record of ours.
        complete: Whether every case that was planned has an outcome.
    """

    name: str
    created: str
    run_ids: frozenset[str]
    machine: str | None
    facts: dict[str, Fact] | None
    protocol: int | None
    commit: str | None
    readings: tuple[Reading, ...]
    unmeasured: tuple[tuple[Identity, str], ...]
    foreign: int
    complete: bool = True


def digest(results: Results, name: str) -> Digest:
    """Shorten a checked result file to what a comparison needs.

    Args:
        results: The file's content.
        name: What to call it.
    """
    machine, run = results.machine_info.reelbench, results.reelbench
    foreign = len(results.benchmarks) - len(results.records)
    measured = {record.identity for record in results.records}
    sources = run.sources if run else []
    runs = {process: nth for nth, source in enumerate(sources) for process in source.processes}
    return Digest(
        name=name,
        created=run.created if run else results.datetime,
        run_ids=frozenset(_run_ids(results)),
        machine=machine.id if machine else None,
        facts=machine.facts if machine else _plain_facts(results.machine_info) or None,
        protocol=run.protocol if run else None,
        commit=results.commit_info.id,
        readings=tuple(_reading(each, runs) for each in results.benchmarks),
        unmeasured=tuple(
            (case.identity, f"{case.outcome.value.replace('_', ' ')}: {case.reason}".rstrip(": "))
            for case in (run.outcomes if run else ())
            if case.identity not in measured
        ),
        foreign=foreign,
        complete=run.complete if run else True,
    )


def _run_ids(results: Results) -> list[str]:
    if results.reelbench is None:
        return []
    return [source.run_id for source in results.reelbench.sources] or [results.reelbench.run_id]


def _reading(benchmark: Benchmark, runs: dict[str, int]) -> Reading:
    record = benchmark.extra_info.reelbench
    clock = benchmark.options.timer or ""
    return _foreign(benchmark, clock) if record is None else _own(record, clock, runs)


def _own(record: CaseRecord, clock: str, runs: dict[str, int]) -> Reading:
    timing = record.timing
    medians: dict[int, list[float]] = {}
    for each in timing.replicates:
        medians.setdefault(runs.get(each.process, 0), []).append(median_of(each))
    return Reading(
        identity=record.identity,
        version=record.version,
        program=record.compilation.program_sha256,
        clock=clock,
        outcome=record.outcome,
        medians_s=tuple(map(tuple, medians.values())),
        median_s=timing.median_s,
        low_s=timing.low_s,
        high_s=timing.high_s,
        confidence=timing.confidence,
        share=record.rates.roofline_share,
        limit=_limit(record),
    )


def _limit(record: CaseRecord) -> Limit | None:
    """What keeps the case from being faster: calling it, or the ceiling that is nearer."""
    timing, bound = record.timing, record.rates.bound
    idle = 0.0 if timing.device_s is None else 1 - timing.device_s / timing.median_s
    if max(idle, timing.floor_share or 0.0) > IDLE_SHARE:
        return "dispatch"
    return "compute" if bound == "compute" else "memory" if bound == "memory" else None


def _foreign(benchmark: Benchmark, clock: str) -> Reading:
    """A benchmark of plain pytest-benchmark: a name and the statistics of one process."""
    median = benchmark.stats.median
    low, high, confidence = median, median, 0.0
    if benchmark.stats.data:
        found = median_interval(benchmark.stats.data)
        low, high = min(found.low, median), max(found.high, median)
        confidence = found.confidence
    identity = Identity(
        layer="",
        preset=benchmark.fullname,
        family=FOREIGN,
        batch=0,
        dtype="",
        pass_="",
        implementation="",
        precision="",
    )
    return Reading(identity, "", "", clock, Outcome.OK, ((median,),), median, low, high, confidence)


def _plain_facts(info: MachineInfo) -> dict[str, Fact]:
    """What pytest-benchmark itself says of a machine, by the names of our facts."""
    said: dict[str, Fact] = {
        "architecture": info.machine,
        "system": info.system,
        "cpu_model": info.cpu.brand_raw,
        "cpu_threads": info.cpu.count,
        "kernel": info.release,
        "python": info.python_version,
    }
    return {name: value for name, value in said.items() if value}
