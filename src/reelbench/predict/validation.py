"""Predictions held against what was measured: whole models, and machines, left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import expm1, log1p
from statistics import geometric_mean
from typing import Literal

import numpy as np

from reelbench.catalogue.models import SizeError, find_model
from reelbench.catalogue.models.steps import parts_in_step
from reelbench.predict import counting
from reelbench.predict.counting import Counting
from reelbench.predict.filling import left_out, spreads
from reelbench.predict.machines import across_spread, seconds_there
from reelbench.predict.rates import NORMAL_90, Measured, Rates
from reelbench.predict.step import MOST_FILLED, StepPrediction, predict_step


@dataclass(frozen=True)
class Checked:
    """A whole step, predicted and measured.

    Attributes:
        source: File that holds the measurement.
        kind: Sort of model.
        prediction: From the layers of that file, other models' steps and nothing of this model's.
        measured: The step.
    """

    source: str
    kind: str
    prediction: StepPrediction
    measured: Measured

    @property
    def error(self) -> float:
        """Predicted over measured time, minus 1."""
        return self.prediction.step_s / self.measured.median_s - 1

    @property
    def sum_error(self) -> float:
        """The same of the bare sum of the layers."""
        return self.prediction.sum_s / self.measured.median_s - 1

    @property
    def memory_error(self) -> float:
        """Predicted over compiled memory, minus 1."""
        return self.prediction.memory.total / self.measured.memory.needed_bytes - 1

    @property
    def mostly_filled(self) -> bool:
        """Whether more than a fifth of its time is of layers that were not measured."""
        missing = sum(part.total_s for part in self.prediction.missing)
        return missing > MOST_FILLED * self.prediction.sum_s

    @property
    def held(self) -> bool:
        """Whether the 90 % interval holds the measured time."""
        return self.prediction.low_s <= self.measured.median_s <= self.prediction.high_s


@dataclass(frozen=True)
class Summary:
    """Errors of a group of predictions, as shares.

    Attributes:
        name: What was left out of what predicted them.
        count: How many.
        mean: Mean of the absolute errors.
        median: Median.
        worst: Largest.
        held: Share of 90 % intervals that held; None where none are given.
        bias: Mean of the errors with their signs.
    """

    name: str
    count: int
    mean: float
    median: float
    worst: float
    held: float | None
    bias: float


@dataclass(frozen=True)
class Across:
    """What was measured on one machine, predicted from another.

    Attributes:
        here: Machine whose layers were used.
        there: Machine of which only the ceilings were.
        what: ``layers`` that both have, or whole ``steps`` from the other machine's layers.
        errors: Predicted over measured, minus 1.
        held: Whether the 90 % interval holds each.
    """

    here: str
    there: str
    what: Literal["layers", "steps"]
    errors: tuple[float, ...]
    held: tuple[bool, ...]


@dataclass(frozen=True)
class Filling:
    """Measured layers filled in as if they had not been measured.

    Attributes:
        way: From what.
        errors: Filled over measured time, minus 1.
        held: Whether the 90 % interval of the way holds each.
    """

    way: str
    errors: tuple[float, ...]
    held: tuple[bool, ...]


@dataclass(frozen=True)
class Again:
    """What was measured more than once: how far from each other the readings are, as shares.

    Attributes:
        steps: Whole steps in another process, see `check_repeats`.
        layers: Layers in another sitting, see `check_sittings`.
    """

    steps: tuple[float, ...] = ()
    layers: tuple[float, ...] = ()


def check_steps(
    runs: Iterable[Rates], *, implementation: str = "best", count: Counting = counting.count
) -> list[Checked]:
    """Predict every whole step of runs from the layers of its own run, its model left out."""
    found = []
    for rates in runs:
        for measured in _steps(rates, implementation):
            checked = _checked(measured, rates, implementation, count)
            if checked is not None:
                found.append(checked)
    return found


def check_repeats(runs: Iterable[Rates]) -> list[float]:
    """Whole steps measured again: of each, every process over the mean of its others, minus 1.

    No prediction can be expected to be nearer to one process than another process is.
    """
    errors = []
    for rates in runs:
        for step in rates.steps:
            logs = np.log(step.processes_s)
            for place in range(len(logs) if len(logs) > 1 else 0):
                others = np.delete(logs, place).mean()
                errors.append(float(np.expm1(logs[place] - others)))
    return errors


def check_sittings(runs: Sequence[Rates]) -> list[float]:
    """Layers measured again on the same machine: a later run over the one before it, minus 1.

    No prediction for another machine can be expected to be nearer. Runs follow each other as given;
    those of another version of jaxlib, or with memory taken anew where it was kept, are apart.
    """
    kinds: dict[tuple[str, str, bool], list[Rates]] = {}
    for rates in runs:
        kind = rates.machine, rates.ceilings.jaxlib, rates.ceilings.paging is None
        kinds.setdefault(kind, []).append(rates)
    errors = []
    for alike in kinds.values():
        before: dict[tuple[str, str, str, int, str], float] = {}
        for rates in alike:
            now = {_identity(case): case.repeated_s for case in rates.cases}
            errors += [now[each] / before[each] - 1 for each in now if each in before]
            before |= now
    return errors


def check_filling(runs: Iterable[Rates], *, implementation: str = "best") -> list[Filling]:
    """Fill every measured layer from the other cases of its run, in each way there is."""
    errors: dict[str, list[float]] = {}
    held: dict[str, list[bool]] = {}
    for rates in runs:
        believed = spreads(rates, implementation)
        for way, found in left_out(rates, implementation).items():
            errors.setdefault(way, []).extend(expm1(each) for each in found)
            reach = NORMAL_90 * believed[way]
            held.setdefault(way, []).extend(abs(each) <= reach for each in found)
    return [Filling(way, tuple(errors[way]), tuple(held[way])) for way in errors if errors[way]]


def check_machines(
    runs: Sequence[Rates], *, implementation: str = "best", count: Counting = counting.count
) -> list[Across]:
    """Predict layers and steps of every machine from every other one's layers and its ceilings.

    Of a step no more than a fifth of its time may be of layers that the other did not measure.
    """
    by_machine: dict[str, list[Rates]] = {}
    for rates in runs:
        by_machine.setdefault(rates.machine, []).append(rates)
    found = []
    for here, mine in by_machine.items():
        for there, theirs in by_machine.items():
            if here == there or mine[0].ceilings.backend != theirs[0].ceilings.backend:
                continue
            if errors := _errors(mine, theirs):
                reach = NORMAL_90 * across_spread(mine[0].ceilings, theirs[0].ceilings)
                held = tuple(abs(log1p(error)) <= reach for error in errors)
                found.append(Across(here, there, "layers", tuple(errors), held))
            steps = _steps_across(mine, theirs, implementation, count)
            if steps:
                errors, held = [each.error for each in steps], tuple(each.held for each in steps)
                found.append(Across(here, there, "steps", tuple(errors), held))
    return found


def summarise(name: str, errors: Sequence[float], held: Sequence[bool] = ()) -> Summary:
    """Put errors into one line."""
    absolute = np.abs(errors)
    return Summary(
        name=name,
        count=len(errors),
        mean=float(absolute.mean()),
        median=float(np.median(absolute)),
        worst=float(absolute.max()),
        held=float(np.mean(held)) if len(held) else None,
        bias=float(np.mean(errors)),
    )


def _steps(rates: Rates, implementation: str) -> list[Measured]:
    """The whole steps of a run, of several implementations the fastest that is wanted."""
    wanted = dict.fromkeys((s.name, s.pass_, s.dtype, s.batch) for s in rates.steps)
    found = (rates.step(*each, implementation) for each in wanted)
    return [each for each in found if each is not None]


def _checked(
    step: Measured, rates: Rates, implementation: str, count: Counting, on: Rates | None = None
) -> Checked | None:
    """A step from a run's layers, also on another's machine; None where they cannot tell."""
    if not any(case.dtype == step.dtype for case in rates.cases):
        return None
    try:
        model = find_model(step.name)
    except (LookupError, SizeError):
        return None  # of a catalogue that is not this one
    prediction = predict_step(
        model,
        rates,
        dtype=step.dtype,
        batch=step.batch,
        implementation=implementation,
        rematerialised=step.pass_ == "step-remat",
        on=on.ceilings if on else None,
        count=count,
    )
    return Checked((on or rates).source, model.kind, prediction, step)


def _steps_across(
    mine: Sequence[Rates], theirs: Sequence[Rates], implementation: str, count: Counting
) -> list[Checked]:
    """Each step of one machine from the latest run of another that can tell."""
    found = []
    for rates in theirs:
        for step in _steps(rates, implementation):
            able = (each for each in reversed(mine) if _measured_most(step, each, implementation))
            tried = (_checked(step, each, implementation, count, on=rates) for each in able)
            found += [each for each in tried if each and not each.mostly_filled][:1]
    return found


def _measured_most(step: Measured, rates: Rates, way: str) -> bool:
    """Whether a run can tell, by the calls whose layers it measured; none is traced for that."""
    try:
        parts = parts_in_step(find_model(step.name))
    except (LookupError, SizeError):
        return False
    missing = sum(
        part.count
        for part in parts
        if not rates.find(
            part.preset, "train" if part.trained else "forward", step.dtype, step.batch, way
        )
    )
    return missing <= MOST_FILLED * sum(part.count for part in parts)


def _errors(mine: Sequence[Rates], theirs: Sequence[Rates]) -> list[float]:
    """Of each layer of a machine, what all runs of another that have it say together."""
    known: dict[_Identity, list[tuple[Rates, Measured]]] = {}
    for rates in mine:
        for case in rates.cases:
            known.setdefault(_identity(case), []).append((rates, case))
    errors = []
    for rates in theirs:
        for case in rates.cases:
            if same := known.get(_identity(case)):
                # Layers and ceilings of a run are minutes apart, and a shared machine was perhaps
                # faster for one of them: several runs of it say more than the latest.
                predicted = geometric_mean(
                    _seconds_on(rates, other, measured) for other, measured in same
                )
                errors.append(predicted / case.repeated_s - 1)
    return errors


def _seconds_on(there: Rates, here: Rates, case: Measured) -> float:
    return seconds_there(
        case.repeated_s, case.flops, case.least_bytes, case.dtype, here.ceilings, there.ceilings
    )


_Identity = tuple[str, str, str, int, str]


def _identity(case: Measured) -> _Identity:
    return case.key, case.pass_, case.dtype, case.batch, case.implementation
