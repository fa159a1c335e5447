"""What a run says of each layer: its time, its work and its share of the ceilings."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

from reelbench.catalogue import Preset, presets
from reelbench.catalogue.models.steps import FAMILY
from reelbench.predict.caches import amid_a_model_s
from reelbench.predict.ceilings import Ceilings
from reelbench.predict.errors import RatesError
from reelbench.predict.processes import levels_of
from reelbench.results.schema import CaseRecord, Machine, Memory, Results
from reelbench.stats.visits import median_of

# What one process of a run cannot know, as a standard deviation of the logarithm: on shared
# machines of two cores the medians of a case differ by so much from process to process. Used where
# a run has one process only.
_BETWEEN_PROCESSES = 0.08
# Half-width of a 95 % interval in standard deviations.
_TWO_SIDED_95 = 1.96
NORMAL_90 = 1.645
"""Half-width of a 90 % interval in standard deviations."""
# A digest of a layer's sizes, as in the names of layers of models.
_DIGITS = 8


@dataclass(frozen=True)
class Measured:
    """A measured case.

    Attributes:
        key: Digest of the layer's sizes; of a whole step the name of its model.
        layer: ``family.Class``.
        name: What the file calls it.
        pass_: ``forward``, ``train``, ``step`` or ``step-remat``.
        median_s: Its time, with what is common to the processes that measured it taken out; of a
            layer as it is amid a model, see `caches`.
        repeated_s: The same as it was measured, called again and again.
        spread: Standard deviation of the logarithm of that time, processes included.
        flops: Model FLOPs.
        least_bytes: Bytes that must be moved at least.
        kept_bytes: Activations kept for the backward pass, by automatic differentiation.
        parameters: In elements.
        memory: What the compiled program needs.
        processes_s: Median of each process that measured it, as it was read.
        power_w: Power that the accelerators drew meanwhile, where it was read.
    """

    key: str
    layer: str
    name: str
    pass_: str
    dtype: str
    batch: int
    implementation: str
    median_s: float
    repeated_s: float
    spread: float
    flops: float
    least_bytes: float
    kept_bytes: float
    parameters: int
    memory: Memory
    processes_s: tuple[float, ...] = ()
    power_w: float | None = None

    @property
    def family(self) -> str:
        """Family of the layer."""
        return self.layer.partition(".")[0]


@dataclass(frozen=True, eq=False)
class Rates:
    """All of a run that predictions use.

    Attributes:
        source: Name of the file.
        machine: Id of the machine.
        cases: The measured cases of layers and optimizers.
        steps: The measured whole steps.
        ceilings: What the machine reached.
        floor_s: Time of an empty call.
        between: Standard deviation of the logarithm of a case's time between processes, beyond what
            is common to all cases of a process.
        repeated: Whether cases were measured in several processes, which tell that.
        knows_cold: Whether calls with emptied caches were timed, which tell what layers take amid
            a model.
        keeps_memory: Whether steps are taken to find their memory kept, whatever taking it anew
            would cost.
    """

    source: str
    machine: str
    cases: tuple[Measured, ...]
    steps: tuple[Measured, ...]
    ceilings: Ceilings
    floor_s: float
    between: float
    repeated: bool
    knows_cold: bool = False
    keeps_memory: bool = False

    @functools.cached_property
    def with_memory_kept(self) -> Rates:
        """The same of an allocator that takes no memory anew between calls."""
        ceilings = replace(self.ceilings, paging=None)
        return replace(self, ceilings=ceilings, keeps_memory=True)

    def find(self, preset: Preset, pass_: str, dtype: str, batch: int, way: str) -> Measured | None:
        """The measured case of a layer, of several implementations the fastest that is wanted.

        Args:
            preset: The layer.
            pass_: The pass.
            dtype: Dtype of the computation.
            batch: Clips.
            way: ``best``, or ``reference`` for the layer as it is written.
        """
        found = self._by_case.get((preset.sizes[:_DIGITS], pass_, dtype, batch), ())
        return _fastest(found, way)

    def step(self, name: str, pass_: str, dtype: str, batch: int, way: str) -> Measured | None:
        """The measured whole step of a model."""
        wanted = (name, pass_, dtype, batch)
        found = [s for s in self.steps if (s.name, s.pass_, s.dtype, s.batch) == wanted]
        return _fastest(found, way)

    @functools.cached_property
    def _by_case(self) -> Mapping[tuple[str, str, str, int], list[Measured]]:
        found: defaultdict[tuple[str, str, str, int], list[Measured]] = defaultdict(list)
        for case in self.cases:
            found[case.key, case.pass_, case.dtype, case.batch].append(case)
        return found


def rates_of(results: Results, source: str) -> Rates:
    """Read the rates of a run.

    Raises:
        RatesError: It is not a run of reelbench, or holds no ceilings.
    """
    machine, run = results.machine_info.reelbench, results.reelbench
    if machine is None or run is None:
        raise RatesError(
            f"{source}: machine_info.reelbench is missing; predictions need a file that "
            "pytest --benchmark-only wrote with reelbench installed"
        )
    ceilings = Ceilings.of(machine, source)
    levels = levels_of(results.records)
    between = _BETWEEN_PROCESSES if levels.rest is None else levels.rest
    layers = {row.name: row for row in presets()}
    measured = [
        _measured(record, layers, exp(level), between, machine)
        for record, level in zip(results.records, levels.logs, strict=True)
    ]
    return Rates(
        source=source,
        machine=machine.id,
        cases=tuple(each for each in measured if each.layer.partition(".")[0] != FAMILY),
        steps=tuple(each for each in measured if each.layer.partition(".")[0] == FAMILY),
        ceilings=ceilings,
        floor_s=machine.floor_s or 0.0,
        between=between,
        repeated=levels.rest is not None,
        knows_cold=any(record.timing.cold_s is not None for record in results.records),
    )


def _seconds(record: CaseRecord, level_s: float, machine: Machine) -> float:
    """A step is what it is; a layer is wanted as it is amid one."""
    if record.identity.family == FAMILY:
        return level_s
    return amid_a_model_s(level_s, record.timing, machine)


def _measured(
    record: CaseRecord,
    layers: Mapping[str, Preset],
    level_s: float,
    between: float,
    machine: Machine,
) -> Measured:
    identity, timing, work = record.identity, record.timing, record.work
    preset = layers.get(identity.preset)
    key = preset.sizes[:_DIGITS] if preset else identity.preset.rpartition("-")[2]
    rounds = log(timing.high_s / timing.low_s) / (2 * _TWO_SIDED_95) if timing.low_s > 0 else 0.0
    count = len(timing.replicates)
    # How much a case differs between processes is known from all cases together, far better than
    # from the few processes of each.
    own = 0.0 if count > 1 else rounds
    spread = (own**2 + between**2 / count) ** 0.5
    return Measured(
        key=identity.preset if identity.family == FAMILY else key,
        layer=f"{identity.family}.{identity.layer}",
        name=identity.preset,
        pass_=identity.pass_,
        dtype=identity.dtype,
        batch=identity.batch,
        implementation=identity.implementation,
        median_s=_seconds(record, level_s, machine),
        repeated_s=level_s,
        spread=spread,
        flops=work.model_flops,
        least_bytes=work.least_bytes,
        kept_bytes=work.kept_bytes or 0.0,
        parameters=work.parameters,
        memory=record.memory,
        processes_s=tuple(map(median_of, timing.replicates)),
        power_w=_power_w(record),
    )


def _power_w(record: CaseRecord) -> float | None:
    read = [each.health.accelerator_power_w for each in record.timing.replicates if each.health]
    known = [watts for watts in read if watts is not None]
    return float(np.mean(known)) if known else None


def _fastest(found: Iterable[Measured], way: str) -> Measured | None:
    wanted = [each for each in found if way == "best" or each.implementation == way]
    return min(wanted, key=lambda each: each.median_s, default=None)
