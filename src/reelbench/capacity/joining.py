"""Joins a scenario with what is known elsewhere: counted models, measured rates, usual MFUs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import msgspec

from reelbench.capacity.figure import Named
from reelbench.capacity.filling import default, devices
from reelbench.capacity.outcome import Basis, PlanError
from reelbench.capacity.quantities import dimension_of
from reelbench.capacity.question import Question
from reelbench.capacity.rates import Rate, Rates
from reelbench.capacity.reading import figures
from reelbench.capacity.scenario import Model, Power, Scenario, model_path
from reelbench.capacity.spread import Spread
from reelbench.catalogue.counted import sum_of_parts
from reelbench.catalogue.models import find_model
from reelbench.predict import counting

# What a GPU's own power reading may err (NVML reference, nvmlDeviceGetPowerUsage).
_SENSOR = 0.05


def question(scenario: Scenario[Named], rates: Rates | None = None) -> Question:
    """Join a scenario with the catalogue of models and with measured rates.

    Raises:
        PlanError: A measured rate is needed and there is none, or it is of another device.
        RateError: The rates lack a case.
        UnknownNameError: The catalogue has no such model.
    """
    models, bases = [], {}
    for model in scenario.model:
        joined, basis = _joined(model, scenario, rates)
        models.append(joined)
        if basis is not None:
            bases[model.name] = basis
    whole = msgspec.structs.replace(
        scenario, model=models, power=_with_measured_watts(scenario, rates)
    )
    return Question(whole, bases, figures(whole))


def _with_measured_watts(scenario: Scenario[Named], rates: Rates | None) -> Power[Named]:
    """The power that the device drew while it was measured, unless the scenario says otherwise."""
    measured = [each.measured for each in scenario.model if each.measured is not None]
    if rates is None or not measured or not _same_device(scenario, rates):
        return scenario.power
    read = [rate for rate in map(rates.seconds_per_clip, measured) if rate.watts is not None]
    if scenario.power.measured is not None or not read:
        return scenario.power
    low = min(rate.watts[0] for rate in read if rate.watts) * (1 - _SENSOR)
    high = max(rate.watts[1] for rate in read if rate.watts) * (1 + _SENSOR)
    spread, text = Spread(low, high, "normal"), f"{low:.0f} to {high:.0f} W"
    source = f"at the end of the rounds in {read[0].source}; sensor ± 5 %"
    watts = Named("power.measured", spread, dimension_of("W"), "measured", source, text)
    return msgspec.structs.replace(scenario.power, measured=watts)


def _joined(
    model: Model[Named], scenario: Scenario[Named], rates: Rates | None
) -> tuple[Model[Named], tuple[Basis, str] | None]:
    changes: dict[str, Any] = {}
    basis: tuple[Basis, str] | None = None
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
    return msgspec.structs.replace(model, **changes), basis


def _counted(model: Model[Named], name: str) -> dict[str, Any]:
    """FLOPs, parameters and frames of a model of the catalogue."""
    composition = find_model(model.catalogue or "")
    count = sum_of_parts(composition, "train", counting.count)
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
    factor, kind, why = 1.0, "measured", rate.source
    basis: Basis = "measured"
    slower = default("measured.between_runs") if rate.processes < 2 else None
    if not own:
        factor, kind, basis = _ceilings(rate, scenario), "assumed", "extrapolated"
        why = f"extrapolated from {rate.source}, by the ratio of ceilings"
        slower = default("measured.extrapolated")
    elif not rate.whole:
        why += ": layers only; loss, optimizer and dispatch are not in it"
    low, high = rate.low_s * factor, rate.high_s * factor
    spread = Spread(low, high, "lognormal" if low < high else None)
    name, text = f"{model_path(scenario, model)}.measured", f"{low:.4g} to {high:.4g} s/clip"
    time = Named(name, spread, dimension_of("s"), kind, why, text)  # type: ignore[arg-type]
    batch = _point(f"{name}.batch", 1.0, "clip", "per clip")
    changes = {"measured": None, "step_time": time, "device_batch": batch}
    if model.slowdown is None and slower is not None:
        changes["slowdown"] = slower
    return changes, (basis, why)


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
    return rate.ceiling / math.sqrt(there.spread.low * there.spread.high)
