"""Predicts the training step of a model from the measured layers that it is made of."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from math import exp, hypot, log, sqrt

from reelbench.catalogue.models import Model, SizeError, find_model
from reelbench.predict import counting
from reelbench.predict.ceilings import Ceilings
from reelbench.predict.counting import Counting
from reelbench.predict.errors import CeilingsError, RatesError
from reelbench.predict.machines import across_spread, check_alike, moved
from reelbench.predict.memory import StepMemory, memory_of
from reelbench.predict.paging import paging_s
from reelbench.predict.parts import Asked, PartTime, is_missing, part_times
from reelbench.predict.rates import NORMAL_90, Rates, rates_of
from reelbench.predict.structure import Pair, Structure, learn
from reelbench.results.schema import Results

CONFIDENCE = 0.9
"""Of the interval of a prediction."""
MOST_FILLED = 0.2
"""Share of a model above which what was filled in tells nothing of what sums miss."""
# Models from which on their steps tell whether memory was taken anew at all.
_TELLING = 4


@dataclass(frozen=True)
class StepPrediction:
    """The predicted training step of a model.

    Attributes:
        model: Name of the model.
        asked: Dtype, batch, implementation, rematerialisation.
        step_s: Time of a step.
        low_s: Lower end of its 90 % interval.
        high_s: Upper end.
        clips_per_s: Clips that are trained on a second.
        memory: What a step needs.
        parts: What the time is made of, as measured alone or filled in.
        dispatch_s: Time of an empty call, once a step.
        paging_s: What taking its memory anew costs the step beyond its layers.
        structure: What the sum of the parts misses.
        missing: The parts whose layers were not measured at their shape.
        advice: What to measure to narrow the interval, most useful first.
        extrapolated: Whether it is for a machine whose layers were not measured.
        machine: The machine that it is for.
        notes: What a reader should know.
    """

    model: str
    asked: Asked
    step_s: float
    low_s: float
    high_s: float
    clips_per_s: float
    memory: StepMemory
    parts: tuple[PartTime, ...]
    dispatch_s: float
    paging_s: float
    structure: Structure
    missing: tuple[PartTime, ...]
    advice: tuple[str, ...]
    extrapolated: bool
    machine: str
    notes: tuple[str, ...]

    @property
    def energy_j(self) -> float | None:
        """Energy of a step, where the power of its layers was read; of the accelerators alone.

        Parts whose power is not known draw as much as the others do on average.
        """
        known = [part for part in self.parts if part.power_w is not None]
        seconds = sum(part.total_s for part in known)
        if self.extrapolated or not seconds:
            return None
        return self.step_s * sum(part.total_s * (part.power_w or 0.0) for part in known) / seconds

    @property
    def sum_s(self) -> float:
        """The sum of the parts and of an empty call."""
        return sum(part.total_s for part in self.parts) + self.dispatch_s


def predict_step(
    model: Model | str,
    run: Results | Rates,
    *,
    dtype: str = "float32",
    batch: int = 1,
    implementation: str = "best",
    rematerialised: bool = False,
    on: Results | Ceilings | None = None,
    count: Counting = counting.count,
) -> StepPrediction:
    """Predict one training step.

    Args:
        model: A model of the catalogue, also at another size, or its name.
        run: A result file with measured layers.
        dtype: Dtype of the computation.
        batch: Clips a step.
        implementation: ``best``: of each layer the fastest that was measured; ``reference``: as it
            is written.
        rematerialised: Whether each trained layer is computed again in the backward pass.
        on: A result file of another machine, of which only the ceilings are used.
        count: Counts the work of a layer that was not measured.

    Raises:
        UnknownNameError: There is no such model.
        SizeError: It cannot be had at that size.
        RatesError: The run holds no case of that dtype, or is of another kind of machine.
        CeilingsError: There are no ceilings of that dtype.
    """
    rates = run if isinstance(run, Rates) else rates_of(run, "the run")
    made = find_model(model) if isinstance(model, str) else model
    asked = Asked(dtype, batch, implementation, rematerialised)
    _check(rates, asked)
    rates, structure = _learned(rates, asked, count, group_of(made.name))
    prediction = _predict(made, rates, asked, structure, count)
    if on is None:
        return prediction
    return _on(prediction, rates, on)


def _learned(rates: Rates, asked: Asked, count: Counting, group: str) -> tuple[Rates, Structure]:
    """What sums miss, and the rates that tell it best: with or without the cost of pages.

    The rate of paging is measured in seconds before the run. Whether the allocator still takes its
    memory anew in the middle of it shows in the steps of the other models alone.
    """
    paged = learn(pairs_of(rates, asked, count), without=group)
    if rates.ceilings.paging is None or paged.models < _TELLING:
        return rates, paged
    kept = learn(pairs_of(rates.with_memory_kept, asked, count), without=group)
    return (rates.with_memory_kept, kept) if kept.spread < paged.spread else (rates, paged)


@functools.lru_cache(maxsize=512)
def pairs_of(rates: Rates, asked: Asked, count: Counting = counting.count) -> tuple[Pair, ...]:
    """The models of a run whose step was measured beside at least most of its layers."""
    names = dict.fromkeys(step.name for step in rates.steps)
    found = (_pair(name, rates, asked, count) for name in names)
    return tuple(pair for pair in found if pair is not None)


def group_of(name: str) -> str:
    """The published model of a name, whatever the size."""
    return name.partition("@")[0]


def _pair(name: str, rates: Rates, asked: Asked, count: Counting) -> Pair | None:
    pass_ = "step-remat" if asked.rematerialised else "step"
    step = rates.step(name, pass_, asked.dtype, asked.batch, asked.implementation)
    if step is None:
        return None
    try:
        model = find_model(name)
    except (LookupError, SizeError):
        return None  # of a catalogue that is not this one
    parts = part_times(model, rates, asked, count)
    total = sum(part.total_s for part in parts)
    if sum(part.total_s for part in parts if is_missing(part)) > MOST_FILLED * total:
        return None
    memory = memory_of(model, rates, asked, count)
    return Pair(
        model=name,
        group=group_of(name),
        measured_s=step.median_s,
        sum_s=total + rates.floor_s + _paging_s(parts, memory, rates),
        sum_spread=_spread(parts),
        measured_spread=step.spread,
    )


def _paging_s(parts: list[PartTime], memory: StepMemory, rates: Rates) -> float:
    alone = sum(part.count * part.paged_bytes for part in parts)
    return paging_s(memory.temporary, alone, rates.ceilings)


def _predict(
    model: Model, rates: Rates, asked: Asked, structure: Structure, count: Counting
) -> StepPrediction:
    parts = part_times(model, rates, asked, count)
    memory = memory_of(model, rates, asked, count)
    paging = _paging_s(parts, memory, rates)
    total = sum(part.total_s for part in parts) + rates.floor_s + paging
    step_s = total * exp(structure.log_factor)
    spread = hypot(_spread(parts), structure.spread)
    reach = structure.factor_of_90 * spread
    missing = tuple(part for part in parts if is_missing(part))
    return StepPrediction(
        model=model.name,
        asked=asked,
        step_s=step_s,
        low_s=step_s * exp(-reach),
        high_s=step_s * exp(reach),
        clips_per_s=asked.batch / step_s,
        memory=memory,
        parts=tuple(parts),
        dispatch_s=rates.floor_s,
        paging_s=paging,
        structure=structure,
        missing=missing,
        advice=_advice(model, parts, structure),
        extrapolated=False,
        machine=rates.machine,
        notes=_notes(rates, asked, structure),
    )


def _on(prediction: StepPrediction, rates: Rates, on: Results | Ceilings) -> StepPrediction:
    there = on if isinstance(on, Ceilings) else _ceilings_of(on)
    check_alike(rates.ceilings, there)
    dtype = prediction.asked.dtype
    parts = [moved(part, dtype, rates.ceilings, there) for part in prediction.parts]
    before = prediction.sum_s
    after = sum(part.total_s for part in parts) + prediction.dispatch_s
    step_s = prediction.step_s * after / before
    reach = log(prediction.high_s / prediction.step_s)
    spread = across_spread(rates.ceilings, there)
    reach = hypot(reach, prediction.structure.factor_of_90 * spread)
    note = (
        f"extrapolated: layers of {rates.machine} carried over to {there.machine} by the ceilings "
        "of both; none was measured there"
    )
    versions = rates.ceilings.jaxlib, there.jaxlib
    other = (
        f"the layers were measured with jaxlib {versions[0]}, the ceilings with {versions[1]}: a "
        "layer's efficiency differs between versions, and how much is not in the interval"
    )
    notes = (note, other) if all(versions) and versions[0] != versions[1] else (note,)
    return replace(
        prediction,
        step_s=step_s,
        low_s=step_s * exp(-reach),
        high_s=step_s * exp(reach),
        clips_per_s=prediction.asked.batch / step_s,
        parts=tuple(parts),
        missing=tuple(part for part in parts if is_missing(part)),
        extrapolated=True,
        machine=there.machine,
        notes=(*notes, *prediction.notes),
    )


def _ceilings_of(results: Results) -> Ceilings:
    machine = results.machine_info.reelbench
    if machine is None:
        raise CeilingsError(
            "the other machine's file holds no ceilings; measure them there with "
            "pytest --benchmark-only bench/test_ceilings.py"
        )
    return Ceilings.of(machine, machine.id)


def _check(rates: Rates, asked: Asked) -> None:
    """Refuse a run that cannot tell anything of what is asked.

    Raises:
        RatesError: It has no case of that dtype.
        CeilingsError: It has no ceiling of that dtype.
    """
    known = sorted({case.dtype for case in rates.cases})
    if asked.dtype not in known:
        has = f"only {', '.join(known)}" if known else "no measured layer"
        raise RatesError(
            f"{rates.source}: has no {asked.dtype} case, {has}; measure with "
            f"--reel-dtype {asked.dtype}"
        )
    rates.ceilings.compute_rate(asked.dtype)


def _spread(parts: list[PartTime]) -> float:
    """Standard deviation of the logarithm of the sum; parts err apart, calls of one together."""
    total = sum(part.total_s for part in parts)
    return sqrt(sum((part.total_s / total * part.spread) ** 2 for part in parts))


def _advice(model: Model, parts: list[PartTime], structure: Structure) -> tuple[str, ...]:
    """What to measure, by the share of the variance that it would take away."""
    total = sum(part.total_s for part in parts)
    shares = {
        part.case: (part.total_s / total * part.spread) ** 2 for part in parts if is_missing(part)
    }
    variance = sum((part.total_s / total * part.spread) ** 2 for part in parts)
    variance += structure.spread**2
    found = []
    missing = sum(shares.values())
    if missing > 0.05 * variance:
        found.append(
            f"layers that were not measured, {len(shares)} in all, bring "
            f"{missing / variance:.0%} of the variance: pytest --benchmark-only "
            f"bench/test_models.py --reel-case {model.name} --reel-pass forward,train"
        )
    if structure.spread**2 > 0.5 * variance:
        found.append(
            f"what a sum misses brings {structure.spread**2 / variance:.0%}: measure more whole "
            "steps beside their layers, pytest --benchmark-only bench/test_models.py "
            "--reel-budget 30m"
        )
    measured = variance - missing - structure.spread**2
    if measured > 0.3 * variance:
        found.append(
            f"the measured layers' own intervals bring {measured / variance:.0%}: measure them in "
            "more processes, --reel-runs 5"
        )
    return tuple(found)


def _notes(rates: Rates, asked: Asked, structure: Structure) -> tuple[str, ...]:
    notes = []
    if not rates.repeated:
        notes.append(
            "one process measured the layers; what differs between processes is assumed, "
            f"±{NORMAL_90 * rates.between:.0%}"
        )
    if rates.keeps_memory:
        notes.append(
            "the steps of other models tell that memory was kept from call to call; the measured "
            "cost of taking it anew is left out"
        )
    elif rates.ceilings.paging is None and rates.ceilings.backend == "cpu":
        notes.append("the rate of taking memory anew was not measured; what it costs is left out")
    if asked.rematerialised and not rates.ceilings.recomputes_late:
        notes.append(
            "this version of XLA for CPUs computes again as soon as it can, before the memory is "
            "needed elsewhere: rematerialisation takes time and saves no memory"
        )
    if not rates.knows_cold:
        notes.append(
            "the layers were measured repeated, without calls that find the caches emptied: small "
            "ones take longer amid a model; measure again with this version"
        )
    if not structure.models:
        notes.append("no other model was measured whole in this run; the sum is taken as it is")
    return tuple(notes)
