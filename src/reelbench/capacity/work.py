"""How much one training of a model is, and what it takes on one device that never waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reelbench.capacity import demand as video
from reelbench.capacity.estimate import Estimate, constant
from reelbench.capacity.filling import devices
from reelbench.capacity.outcome import Basis, Demand, PlanError
from reelbench.capacity.quantities import dimension_of
from reelbench.capacity.scenario import Model, Scenario, model_path

_CLIP, _TOKEN, _FRAME = (dimension_of(unit) for unit in ("clip", "token", "frame"))
_FLOP, _SECOND = (dimension_of(unit) for unit in ("FLOP", "s"))


@dataclass(frozen=True)
class Work:
    """What one training goes through, in whichever items are known."""

    clips: Estimate | None = None
    tokens: Estimate | None = None
    frames: Estimate | None = None
    steps: Estimate | None = None
    epochs: Estimate | None = None


def _is_said(model: Model[Estimate], demanded: Demand) -> bool:
    """Whether clips are; a published device time alone does not say how often they are seen."""
    if model.clips is not None:
        return True
    return demanded.clips is not None and (model.device_time is None or model.epochs is not None)


def work_of(scenario: Scenario[Estimate], model: Model[Estimate], demanded: Demand) -> Work:
    """What one training goes through.

    Raises:
        PlanError: The scenario does not say.
    """
    at = f"field `{model_path(scenario, model)}`"
    per_clip, frames = model.tokens_per_clip, model.frames_per_clip
    clips: Estimate | None = None
    tokens: Estimate | None = model.tokens
    epochs = None
    if tokens is not None:
        clips = None if per_clip is None else tokens / per_clip
    elif model.steps is not None and model.batch is not None:
        amount = model.steps * model.batch
        clips, tokens = (amount, None) if amount.dimension == _CLIP else (None, amount)
    elif _is_said(model, demanded):
        once = model.clips if model.clips is not None else demanded.clips
        epochs = model.epochs if model.epochs is not None else constant(1.0)
        clips = once * epochs
    elif model.device_time is None and not (model.flops and model.flops.dimension == _FLOP):
        raise PlanError(
            f"{at}: says nothing of how much is trained on; give clips and epochs, tokens, steps "
            "and batch, or a corpus"
        )
    if tokens is None and clips is not None and per_clip is not None:
        tokens = clips * per_clip
    if clips is None and tokens is not None and per_clip is not None:
        clips = tokens / per_clip
    steps = model.steps
    if steps is None and model.batch is not None:
        items = clips if model.batch.dimension == _CLIP else tokens
        steps = None if items is None else items / model.batch
    return Work(
        clips, tokens, None if clips is None or frames is None else clips * frames, steps, epochs
    )


_WAYS = ("measured", "throughput", "step_time", "device_time", "flops", "catalogue")


def device_time(
    scenario: Scenario[Estimate], model: Model[Estimate], work: Work
) -> tuple[Estimate, Basis, str]:
    """Device time of one training, and where it comes from.

    Raises:
        PlanError: The scenario does not say how fast the model is, or says it twice.
    """
    time, basis, why = _by_its_rate(scenario, model, work)
    return time if model.slowdown is None else time * model.slowdown, basis, why


def _by_its_rate(
    scenario: Scenario[Estimate], model: Model[Estimate], work: Work
) -> tuple[Estimate, Basis, str]:
    at = f"field `{model_path(scenario, model)}"
    ways = [way for way in _WAYS if getattr(model, way) is not None]
    if len(ways) > 1:
        raise PlanError(f"{at}`: gives {' and '.join(ways)}; one of them says how fast it is")
    if ways == ["measured"]:
        raise PlanError(f"{at}.measured`: needs a result file; name it with --rates RUN.json")
    if ways == ["device_time"]:
        return model.device_time, "published", "device time of a training"  # type: ignore[return-value]
    if ways == ["throughput"]:
        rate = model.throughput
        amount = _amount(work, rate.dimension * _SECOND, f"{at}.throughput`")  # type: ignore[union-attr]
        return amount / rate, "published", "throughput of a device"
    if ways == ["step_time"]:
        if model.device_batch is None:
            raise PlanError(f"{at}.device_batch`: is missing; step_time is of that batch")
        amount = _amount(work, model.device_batch.dimension, f"{at}.step_time`")
        return amount * model.step_time / model.device_batch, "published", "time of an iteration"
    flops = flops_of(model, work, at)
    peak = scenario.device.peak.get(scenario.device.format)
    if peak is None:
        known = ", ".join(scenario.device.peak) or "none"
        if scenario.device.kind not in devices():
            known += f"; the catalogue has {', '.join(devices())}, not {scenario.device.kind}"
        raise PlanError(
            f"field `device.peak.{scenario.device.format}`: is missing (there are: {known}); give "
            "it, or choose device.format"
        )
    assert model.mfu is not None
    return flops / (peak * model.mfu), "estimated", "FLOPs over peak × MFU"


def flops_of(model: Model[Estimate], work: Work, at: str) -> Estimate:
    """Model FLOPs of one training: as given, or those of a transformer's parameters and tokens."""
    if model.flops is not None:
        if model.flops.dimension == _FLOP:
            return model.flops
        amount = _amount(work, _FLOP / model.flops.dimension, f"{at}.flops`")
        return amount * model.flops
    if model.parameters is None or work.tokens is None:
        raise PlanError(
            f"{at}`: does not say how fast it is; give measured, throughput, step_time, "
            "device_time, flops, catalogue, or parameters and tokens"
        )
    attention: tuple[Any, ...] = ()
    if None not in (model.layers, model.width, model.sequence):
        attention = (model.layers, model.width, model.sequence / constant(1.0, _TOKEN))
    per_token = video.transformer_flops_per_token(model.parameters, *attention)
    return work.tokens * per_token * constant(1.0, _FLOP / _TOKEN)


def _amount(work: Work, item: Any, at: str) -> Estimate:
    known = {_CLIP: work.clips, _TOKEN: work.tokens, _FRAME: work.frames}
    amount = known.get(item)
    if amount is None:
        raise PlanError(f"{at}: is per {item}, and how many {item}s there are is not said")
    return amount
