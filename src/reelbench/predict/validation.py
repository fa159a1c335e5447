"""Predictions held against what was measured: whole models, and machines, left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import expm1, log1p

import numpy as np

from reelbench.catalogue.models import SizeError, find_model
from reelbench.predict import counting
from reelbench.predict.counting import Counting
from reelbench.predict.filling import left_out, spreads
from reelbench.predict.machines import ACROSS_SPREAD
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
    """Layers of one machine predicted from the efficiencies of another.

    Attributes:
        here: Machine whose efficiencies were used.
        there: Machine whose ceilings were.
        errors: Of each layer that both have, by name and pass: predicted over measured, minus 1.
    """

    here: str
    there: str
    errors: tuple[float, ...]

    @property
    def held(self) -> list[bool]:
        """Whether a 90 % interval of what is believed of machines holds each."""
        reach = NORMAL_90 * ACROSS_SPREAD
        return [abs(log1p(error)) <= reach for error in self.errors]


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
        wanted = dict.fromkeys((s.name, s.pass_, s.dtype, s.batch) for s in rates.steps)
        for name, pass_, dtype, batch in wanted:
            measured = rates.step(name, pass_, dtype, batch, implementation)
            if measured is None or not any(case.dtype == dtype for case in rates.cases):
                continue
            try:
                model = find_model(name)
            except (LookupError, SizeError):
                continue  # of a catalogue that is not this one
            prediction = predict_step(
                model,
                rates,
                dtype=dtype,
                batch=batch,
                implementation=implementation,
                rematerialised=pass_ == "step-remat",
                count=count,
            )
            found.append(Checked(rates.source, model.kind, prediction, measured))
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


def check_machines(runs: Sequence[Rates]) -> list[Across]:
    """Predict the layers of every machine from every other one's efficiencies and its ceilings."""
    by_machine: dict[str, list[Rates]] = {}
    for rates in runs:
        by_machine.setdefault(rates.machine, []).append(rates)
    found = []
    for here, mine in by_machine.items():
        for there, theirs in by_machine.items():
            if here == there or mine[0].ceilings.backend != theirs[0].ceilings.backend:
                continue
            errors = _errors(mine, theirs)
            if errors:
                found.append(Across(here, there, tuple(errors)))
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


def _errors(mine: Sequence[Rates], theirs: Sequence[Rates]) -> list[float]:
    known = {_identity(case): (rates, case) for rates in mine for case in rates.cases}
    errors = []
    for rates in theirs:
        for case in rates.cases:
            found = known.get(_identity(case))
            if found is None:
                continue
            other, same = found
            least_here = other.ceilings.least(same.flops, same.least_bytes, same.dtype)[0]
            least_there = rates.ceilings.least(case.flops, case.least_bytes, case.dtype)[0]
            if least_here and least_there:
                predicted = same.repeated_s * least_there / least_here
                errors.append(predicted / case.repeated_s - 1)
    return errors


def _identity(case: Measured) -> tuple[str, str, str, int, str]:
    return case.key, case.pass_, case.dtype, case.batch, case.implementation
