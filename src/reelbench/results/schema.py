"""The result file: pytest-benchmark's JSON with blocks of our own, as checked types.

A file is what pytest-benchmark writes, with three additions: ``extra_info.reelbench`` in each
benchmark (`CaseRecord`), ``machine_info.reelbench`` (`Machine`) and a top-level ``reelbench``
(`Run`). Quantities are in SI base units with the unit in the name. All times are seconds.

History of the format:
    1: first version.
    2: readings of the machine's health beside every process's rounds (`Health`), disturbed and
       repeated readings counted, the harness's own overhead. Version 1 is a subset.
    3: a file may be merged of several runs, which it names (`Source`); a case may be computed by
       other implementations of the operations inside it (`ChosenOperation`). Version 2 is a subset.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from reelbench.results.outcome import Outcome

SCHEMA = 3

Text = Annotated[str, Meta(max_length=4000)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Positive = Annotated[float, Meta(gt=0)]
NonNegative = Annotated[float, Meta(ge=0)]
Fact = Text | int | float | bool | None


class Identity(Struct, frozen=True, kw_only=True):
    """What was measured. Two records with equal identities are the same case.

    Attributes:
        layer: Class of the Flax module, or name of the function.
        preset: Row of the catalogue, or name of the user's test.
        pass_: ``forward`` or ``train``; ``pass`` in JSON.
        precision: The matrix-multiply precision in force.
        mesh: Devices along each mesh axis, or None on one device.
    """

    layer: Text
    preset: Text
    family: Text
    batch: Count
    dtype: Text
    pass_: Text = msgspec.field(name="pass")
    implementation: Text
    precision: Text
    mesh: Text | None = None


class Work(Struct, frozen=True, kw_only=True):
    """What one call does.

    Attributes:
        model_flops: 2 per multiply-accumulate of the reference implementation, padding counted.
        least_bytes: Every input and parameter read once, every output written once.
        kept_bytes: Activations that automatic differentiation keeps for the backward pass; None
            where it was not counted.
        xla_flops: XLA's own count for the compiled program, where it gives one.
        xla_bytes: Bytes accessed by XLA's own count, where it gives one.
    """

    clips: NonNegative
    frames: NonNegative
    tokens: NonNegative
    parameters: Count
    model_flops: NonNegative
    least_bytes: NonNegative
    kept_bytes: NonNegative | None = None
    xla_flops: NonNegative | None = None
    xla_bytes: NonNegative | None = None


class Compilation(Struct, frozen=True, kw_only=True):
    """How the program came to be; the hash of its StableHLO is its identity."""

    trace_s: NonNegative
    lower_s: NonNegative
    compile_s: NonNegative
    persistent_cache: bool
    program_sha256: Text


class Held(Struct, frozen=True, kw_only=True):
    """What a compiled train pass holds for its backward pass, see `reelbench.work.held`.

    Attributes:
        kept_bytes: Made of the clip by the forward pass and read by the backward pass.
        prepared_bytes: Made of parameters and constants alone, for the backward pass.
        prepared_forward_bytes: Likewise, for the forward pass only.
        constant_bytes: Of ``prepared_bytes``, what no parameter is in, as the zeros from which a
            loop sums up a gradient; None in files from before it was read.
        largest_parameter_bytes: Of one array of parameters; its gradient is as large.
    """

    kept_bytes: Count
    prepared_bytes: Count
    prepared_forward_bytes: Count
    largest_parameter_bytes: Count
    constant_bytes: Count | None = None


class Memory(Struct, frozen=True, kw_only=True):
    """What the compiled program needs, and what there was.

    Attributes:
        held: Of a train pass; None of other passes, and in files from before it was read.
    """

    argument_bytes: Count
    output_bytes: Count
    temporary_bytes: Count
    needed_bytes: Count
    available_bytes: Count
    held: Held | None = None


class Health(Struct, frozen=True, kw_only=True):
    """What else the machine did while the rounds of one case ran; None is unknown here.

    Attributes:
        seconds: How long was watched.
        others_share: CPU time that other processes took, over that of all usable CPUs.
        steal_share: CPU time that the hypervisor gave to others, likewise.
        throttled_share: Time for which the cgroup's CPU quota stopped this process.
        load_1m: Load average of the last minute, at the end.
        clock_hz: CPU clock at the end, mean of the cores.
        accelerator_clock_share: Lowest clock seen of any accelerator in use, over its maximum.
        throttle_reasons: Why accelerators were clocked down, as their driver names it.
        accelerator_power_w: Power drawn by the accelerators in use together, at the end.
        accelerator_temperature_c: The hottest of them, in degrees Celsius.
        neighbours: Other processes that computed on the accelerators in use.
    """

    seconds: NonNegative
    others_share: NonNegative | None = None
    steal_share: NonNegative | None = None
    throttled_share: NonNegative | None = None
    load_1m: NonNegative | None = None
    clock_hz: NonNegative | None = None
    accelerator_clock_share: NonNegative | None = None
    throttle_reasons: list[Text] = msgspec.field(default_factory=list)
    accelerator_power_w: NonNegative | None = None
    accelerator_temperature_c: float | None = None
    neighbours: Count | None = None


class Visit(Struct, frozen=True, kw_only=True):
    """Rounds of a case that a process came back to, as many calls each as those before.

    Attributes:
        after_s: From the start of the case's first rounds to the start of these.
        rounds_s: Times of the rounds.
        disturbed: What disturbed them, each as ``what: how much``; empty if nothing did.
        retries: How many earlier readings of them were disturbed and taken again.
    """

    after_s: NonNegative
    rounds_s: Annotated[list[Positive], Meta(min_length=1)]
    disturbed: list[Text] = msgspec.field(default_factory=list)
    retries: Count = 0


class Replicate(Struct, frozen=True, kw_only=True):
    """The rounds of one process, in the order they ran.

    Attributes:
        process: Id of the process; see `Process`.
        order: Position of the case in that process, from 0.
        iterations: Calls a round; times are per call.
        warmup_s: Times of the calls made and discarded before the rounds.
        rounds_s: Times of the rounds.
        cold_s: Times of single calls, each after the caches were emptied; empty where a call is too
            long for that to show, and in files from before it was measured.
        cached: Whether the program came from the run's own compilation cache instead of being
            compiled in this process.
        health: The machine during the rounds.
        disturbed: What disturbed these rounds, each as ``what: how much``; empty if nothing did.
        retries: How many earlier readings of these rounds were disturbed and taken again.
        device_s: The device's own time of a call, from a profiler trace.
        later: Further visits of the same process; empty where it made one, and in files from before
            processes came back.
    """

    process: Text
    order: Count
    iterations: Annotated[int, Meta(ge=1)]
    warmup_s: list[NonNegative]
    rounds_s: Annotated[list[Positive], Meta(min_length=1)]
    cold_s: list[Positive] = msgspec.field(default_factory=list)
    cached: bool = False
    health: Health | None = None
    disturbed: list[Text] = msgspec.field(default_factory=list)
    retries: Count = 0
    device_s: NonNegative | None = None
    later: list[Visit] = msgspec.field(default_factory=list)

    @property
    def visits_s(self) -> list[list[float]]:
        """Times of the rounds of each visit."""
        return [self.rounds_s, *(each.rounds_s for each in self.later)]


class Timing(Struct, frozen=True, kw_only=True):
    """The time of one call.

    Attributes:
        median_s: Median of one process's rounds, of several visits the geometric mean of their
            medians, and of several processes that of theirs.
        low_s: Lower end of the interval of the median.
        high_s: Upper end.
        confidence: Nominal coverage of the interval.
        method: How the interval was made, and so what it cannot know.
        drift: Median of the last half of the rounds over that of the first half, minus 1.
        device_s: The device's own time of a call from a profiler trace, where there is one; the
            slowest device decides on several.
        floor_share: Time of an empty call as a share of the median.
        cold_s: What a call takes that finds the caches emptied; None where that was not measured.
    """

    median_s: Positive
    low_s: Positive
    high_s: Positive
    confidence: NonNegative
    method: Text
    drift: float | None = None
    device_s: NonNegative | None = None
    floor_share: NonNegative | None = None
    cold_s: Positive | None = None
    replicates: Annotated[list[Replicate], Meta(min_length=1)]


class Rates(Struct, frozen=True, kw_only=True):
    """Throughput, and how it compares with the ceilings of the same session.

    Attributes:
        roofline_s: Least time by the ceilings: the larger of FLOPs and bytes over their ceilings.
        roofline_share: ``roofline_s`` over the median time.
        bound: Which of the two is larger, ``compute`` or ``memory``.
    """

    clips_per_s: NonNegative
    flops_per_s: NonNegative
    bytes_per_s: NonNegative
    roofline_s: NonNegative | None = None
    roofline_share: NonNegative | None = None
    bound: Text | None = None


class ChosenOperation(Struct, frozen=True, kw_only=True):
    """An operation inside a layer, and how it was computed.

    Attributes:
        kind: Such as ``convolution``.
        key: Hash of its sizes and details.
        text: Its sizes, for people.
        implementation: What was chosen; ``reference`` where the plain form is.
        seconds: Time of the operation alone, in the same pass, by implementation; what was not
            tried is not there.
    """

    kind: Text
    key: Text
    text: Text
    implementation: Text
    seconds: dict[Text, NonNegative]


class CaseRecord(Struct, frozen=True, kw_only=True):
    """``extra_info.reelbench`` of one benchmark: everything known of one measured case.

    Attributes:
        version: Hash of the code and the sizes that define the case; see `measure.case`.
        operations: How the operations inside were computed, where not as in the reference.
    """

    identity: Identity
    version: Text
    outcome: Outcome
    warnings: list[Text]
    work: Work
    compilation: Compilation
    memory: Memory
    timing: Timing
    rates: Rates
    operations: list[ChosenOperation] = msgspec.field(default_factory=list)


class Ceiling(Struct, frozen=True, kw_only=True):
    """A rate reached on this machine in this session.

    Attributes:
        kind: ``matmul`` or ``convolution`` (FLOP/s), ``memory`` or ``paging`` (bytes/s).
        dtype: Dtype of the operands.
        rate: The best sustained rate of the sweep, in ``unit``.
        sweep: Rate at each shape tried.
    """

    kind: Text
    dtype: Text
    precision: Text
    rate: Positive
    unit: Text
    shape: Text
    sweep: dict[Text, NonNegative]


class Machine(Struct, frozen=True, kw_only=True):
    """``machine_info.reelbench``: the machine and its software; see `machine.facts` for the names.

    Attributes:
        id: Readable name and hash of the facts that are stable.
        facts: Everything known, by name.
        ceilings: What the machine reached in this session.
        floor_s: Median time of an empty call.
        cold_floor_s: Likewise with the caches emptied before it.
        overhead_s: What the harness adds to a call beyond a bare loop around the program with
            ``jax.block_until_ready``; noise can make it negative.
        wander: How far a second's median lies from that of a long series, as a logarithm, 95 times
            in a hundred, beyond what its interval says: by the run's check standards, or by a
            self-test where they were read too seldom; None where neither has found it.
    """

    id: Text
    facts: dict[Text, Fact]
    ceilings: list[Ceiling]
    floor_s: NonNegative | None = None
    cold_floor_s: NonNegative | None = None
    overhead_s: float | None = None
    wander: NonNegative | None = None


class CaseOutcome(Struct, frozen=True, kw_only=True):
    """What became of one case, measured or not.

    Attributes:
        name: The benchmark's full name.
        reason: What happened, with its numbers, in one sentence.
        numbers: The numbers by name, units in the names.
    """

    name: Text
    identity: Identity
    outcome: Outcome
    reason: Text = ""
    advice: Text = ""
    numbers: dict[Text, float] = msgspec.field(default_factory=dict)


class Process(Struct, frozen=True, kw_only=True):
    """One process that contributed measurements."""

    id: Text
    started: Text


class Reading(Struct, frozen=True, kw_only=True):
    """One reading of a check standard: the median of its rounds with their 95 % interval."""

    median_s: Positive
    low_s: Positive
    high_s: Positive


class Source(Struct, frozen=True, kw_only=True):
    """One of the runs that a file was merged of.

    Attributes:
        commit: Of the repository in which it ran, where known.
        processes: Ids of its processes.
        facts: Its facts that change from minute to minute.
        standards: Readings of its check standards.
    """

    run_id: Text
    created: Text
    version: Text
    duration_s: NonNegative
    complete: bool
    options: dict[Text, Fact]
    processes: list[Text]
    commit: Text | None = None
    dirty: bool | None = None
    floor_s: NonNegative | None = None
    cold_floor_s: NonNegative | None = None
    overhead_s: float | None = None
    wander: NonNegative | None = None
    facts: dict[Text, Fact] = msgspec.field(default_factory=dict)
    standards: dict[Text, list[Reading]] = msgspec.field(default_factory=dict)


class Run(Struct, frozen=True, kw_only=True):
    """The top-level ``reelbench`` block.

    Attributes:
        schema: Version of this format.
        protocol: Version of the measuring protocol; a change makes timings incomparable.
        complete: Whether every case that was planned has an outcome.
        sources: The runs that a file was merged of; empty in the file of one run.
        standards: Readings of check standards by name, in the order they were made: small programs
            that are timed before each case (see `reelbench.measure.standards`).
    """

    schema: int
    protocol: int
    version: Text
    run_id: Text
    created: Text
    duration_s: NonNegative
    complete: bool
    options: dict[Text, Fact]
    processes: list[Process]
    outcomes: list[CaseOutcome]
    sources: list[Source] = msgspec.field(default_factory=list)
    standards: dict[Text, list[Reading]] = msgspec.field(default_factory=dict)


class ExtraInfo(Struct, frozen=True, kw_only=True):
    """``extra_info`` of a benchmark; only our block is read."""

    reelbench: CaseRecord | None = None


class Stats(Struct, frozen=True, kw_only=True):
    """pytest-benchmark's statistics: what is read of them.

    Attributes:
        data: Its rounds in the order they ran, where it was asked to save them.
    """

    median: Positive
    min: Positive
    max: Positive
    mean: Positive
    rounds: Count
    data: list[Positive] | None = None


class TimerOptions(Struct, frozen=True, kw_only=True):
    """``options`` of a benchmark: only what decides which clock was read."""

    timer: Text | None = None


class Benchmark(Struct, frozen=True, kw_only=True):
    """One entry of ``benchmarks``."""

    name: Text
    fullname: Text
    stats: Stats
    extra_info: ExtraInfo = ExtraInfo()
    options: TimerOptions = TimerOptions()


class Processor(Struct, frozen=True, kw_only=True):
    """``machine_info.cpu``: what is read of it."""

    brand_raw: Text | None = None
    count: int | None = None


class MachineInfo(Struct, frozen=True, kw_only=True):
    """``machine_info``: our block, and what pytest-benchmark itself says of a machine."""

    machine: Text | None = None
    system: Text | None = None
    release: Text | None = None
    python_version: Text | None = None
    cpu: Processor = Processor()
    reelbench: Machine | None = None


class CommitInfo(Struct, frozen=True, kw_only=True):
    """``commit_info``: what is read of it."""

    id: Text | None = None
    dirty: bool | None = None


class Results(Struct, frozen=True, kw_only=True):
    """A whole file. Files of plain pytest-benchmark lack the three blocks."""

    machine_info: MachineInfo
    commit_info: CommitInfo = CommitInfo()
    benchmarks: list[Benchmark]
    datetime: Text = ""
    version: Text = ""
    reelbench: Run | None = None

    @property
    def records(self) -> list[CaseRecord]:
        """The measured cases in file order."""
        return [b.extra_info.reelbench for b in self.benchmarks if b.extra_info.reelbench]


def to_builtins(block: Struct) -> dict[str, Any]:
    """A block as plain JSON-ready dicts and lists."""
    return msgspec.to_builtins(block)
