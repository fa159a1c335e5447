"""A scenario that was read becomes one of estimates, with measured rates joined."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from reelbench.capacity.errors import ScenarioError
from reelbench.capacity.estimate import Array, DimensionError, Draws, Estimate, constant
from reelbench.capacity.figure import Named, Quantity
from reelbench.capacity.filling import default, devices
from reelbench.capacity.outcome import Basis, Plan, PlanError, Relief
from reelbench.capacity.plan import plan
from reelbench.capacity.quantities import dimension_of
from reelbench.capacity.rates import Rate, Rates
from reelbench.capacity.reading import figures
from reelbench.capacity.scenario import Model, Scenario, model_path
from reelbench.capacity.shapes import transform
from reelbench.capacity.spread import Spread
from reelbench.catalogue.counted import recorded, sum_of_parts
from reelbench.catalogue.models import find_model
from reelbench.catalogue.names import UnknownNameError

_SECONDS = dimension_of("s/clip")


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Say of which file it is that something in it is missing, unknown or of the wrong kind."""
    try:
        yield
    except (PlanError, DimensionError, UnknownNameError) as error:
        raise ScenarioError(name, str(error)) from None


@dataclass(frozen=True)
class Question:
    """A scenario ready to be worked out.

    Attributes:
        scenario: As read, with what the catalogue of models and the rates file add.
        bases: What a model's step time rests on, where not what its fields say.
        known: Every figure by its name.
    """

    scenario: Scenario[Named]
    bases: Mapping[str, tuple[Basis, str]]
    known: Mapping[str, Named]

    def path(self, text: str) -> str:
        """A figure's path; ``model.NAME.epochs`` is ``model.epochs`` where there is one model."""
        if text not in self.known and len(self.scenario.model) == 1:
            text = text.replace(f"model.{self.scenario.model[0].name}.", "model.", 1)
        return text

    def answer(
        self,
        draws: Draws | None = None,
        points: Mapping[str, Array] | None = None,
        relief: Relief | None = None,
    ) -> Plan:
        """Work it out.

        Args:
            draws: How many, and whether to tell variance by input.
            points: Values in base units of figures that are swept, by path, each ``[points]``.
            relief: Limits to loosen.
        """
        made = draws or Draws()
        values = points or {}

        def draw(path: str, _: Quantity, figure: Named) -> Estimate:
            if path in values:
                swept = constant(values[path], figure.dimension)
                return replace(swept, figures=frozenset((path,)))
            return made.of(figure.name, figure.spread, figure.dimension)

        result = plan(transform(self.scenario, draw), relief)
        trainings = tuple(
            replace(each, basis=self.bases[each.model][0], why=self.bases[each.model][1])
            if each.model in self.bases
            else each
            for each in result.trainings
        )
        return replace(result, trainings=trainings)


def question(scenario: Scenario[Named], rates: Rates | None = None) -> Question:
    """Join a scenario with the catalogue of models and with measured rates.

    Raises:
        PlanError: A measured rate is needed and there is none, or it is of another device.
        RateError: The rates lack a case.
        UnknownNameError: The catalogue has no such model.
    """
    models, bases, extra = [], {}, {}
    for model in scenario.model:
        joined, basis, used = _joined(model, scenario, rates)
        models.append(joined)
        extra.update(used)
        if basis is not None:
            bases[model.name] = basis
    whole = msgspec.structs.replace(scenario, model=models)
    return Question(whole, bases, figures(whole) | extra)


def _joined(
    model: Model[Named], scenario: Scenario[Named], rates: Rates | None
) -> tuple[Model[Named], tuple[Basis, str] | None, dict[str, Named]]:
    changes: dict[str, Any] = {}
    basis: tuple[Basis, str] | None = None
    used: dict[str, Named] = {}
    if model.catalogue is not None:
        changes = _counted(model, model_path(scenario, model))
        basis = "estimated", f"counted FLOPs of {model.catalogue} over peak × MFU"
    if model.measured is not None:
        if rates is None:
            raise PlanError(
                f"field `{model_path(scenario, model)}.measured`: needs a result file; name it "
                "with --rates RUN.json"
            )
        changes, basis = _measured(model, scenario, rates)
    elif model.mfu is None and model.throughput is model.step_time is model.device_time is None:
        changes["mfu"] = default(f"mfu.{model.code or 'plain'}")
        if model.mfu_of is None:
            changes["mfu_of"] = "system" if model.code == "tuned" else "device"
    return msgspec.structs.replace(model, **changes), basis, used


def _counted(model: Model[Named], name: str) -> dict[str, Any]:
    """FLOPs, parameters and frames of a model of the catalogue."""
    composition = find_model(model.catalogue or "")
    count = sum_of_parts(composition, "train", lambda row, pass_: recorded(row, pass_))  # type: ignore[arg-type, return-value]
    source = f"counted by reelbench: {composition.source}"[:300]
    changes: dict[str, Any] = {
        "flops": _point(f"{name}.flops", count.model_flops, "FLOP/clip", source),
        "catalogue": None,
    }
    if model.parameters is None:
        changes["parameters"] = _point(f"{name}.parameters", count.parameters, "", source)
    if model.frames_per_clip is None:
        frames = composition.clip[0]
        changes["frames_per_clip"] = _point(f"{name}.frames_per_clip", frames, "frame/clip", source)
    return changes


def _point(name: str, value: float, unit: str, source: str) -> Named:
    spread = Spread(float(value), float(value))
    text = f"{value:.4g} {unit}".strip()
    return Named(name, spread, dimension_of(unit), "published", source, text, False)


def _measured(
    model: Model[Named], scenario: Scenario[Named], rates: Rates
) -> tuple[dict[str, Any], tuple[Basis, str]]:
    """A step time for a clip in place of the measured cases."""
    assert model.measured is not None
    rate = rates.seconds_per_clip(model.measured)
    own = _same_device(scenario, rates)
    if not own and not model.measured.extrapolate:
        raise PlanError(
            f"field `{model_path(scenario, model)}.measured`: {rates.name} was measured on "
            f"{rate.machine}, and device.kind is {scenario.device.kind}; set device.kind = "
            '"measured", or measured.extrapolate = true'
        )
    low, high = np.log(rate.low_s), np.log(rate.high_s)
    middle, half = (low + high) / 2, (high - low) / 2
    if rate.processes < 2:
        half = float(np.hypot(half, _half("measured.between_runs")))
    basis: tuple[Basis, str] = "measured", rate.source
    kind: Any = "measured"
    if not own:
        middle += float(np.log(_ceilings(rate, scenario)))
        half = float(np.hypot(half, _half("measured.extrapolated")))
        basis = "extrapolated", f"extrapolated from {rate.source}, by the ratio of ceilings"
        kind = "assumed"
    elif not rate.whole:
        basis = (
            "measured",
            f"{rate.source}: layers only; loss, optimizer and dispatch are not in it",
        )
    ends = float(np.exp(middle - half)), float(np.exp(middle + half))
    spread = Spread(*ends, "lognormal" if half > 0 else None)
    name = f"{model_path(scenario, model)}.measured"
    time = Named(
        name, spread, dimension_of("s"), kind, basis[1], f"{ends[0]:.4g} to {ends[1]:.4g} s/clip"
    )
    batch = _point(f"{name}.batch", 1.0, "clip", "per clip")
    return {"measured": None, "step_time": time, "device_batch": batch}, basis


def _half(path: str) -> float:
    """Half the width of a default's range, on the logarithm."""
    spread = default(path).spread
    return float(np.log(spread.high / spread.low) / 2)


def _same_device(scenario: Scenario[Named], rates: Rates) -> bool:
    kind = scenario.device.kind
    if kind in ("measured", rates.machine):
        return True
    row = devices().get(kind)
    accelerator = getattr(rates, "accelerator", "")
    if row is None or not accelerator:
        return False
    # NVIDIA-SMI's "NVIDIA H100 80GB HBM3" is the catalogue's h100, "GeForce RTX 4090" its rtx4090.
    words = accelerator.lower().replace("-", " ").split()
    return kind in (*words, *(one + other for one, other in itertools.pairwise(words)))


def _ceilings(rate: Rate, scenario: Scenario[Named]) -> float:
    """Time on the scenario's device over that on the measured one, if both reach the same share."""
    device = scenario.device
    there = device.memory_bandwidth if rate.bound == "memory" else device.peak.get(device.format)
    if rate.ceiling is None or there is None:
        what = "memory_bandwidth" if rate.bound == "memory" else f"peak.{device.format}"
        raise PlanError(f"field `device.{what}`: is missing; extrapolating needs both ceilings")
    return rate.ceiling / float(np.sqrt(there.spread.low * there.spread.high))
