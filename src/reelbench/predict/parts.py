"""The time of each part of a training step, as measured alone or filled in."""

from __future__ import annotations

from dataclasses import dataclass

from reelbench.catalogue.counted import Count
from reelbench.catalogue.models import Model, Part
from reelbench.catalogue.models.model import Optimizer
from reelbench.catalogue.models.steps import OPTIMIZERS, parts_in_step
from reelbench.catalogue.preset import Pass
from reelbench.predict.counting import Counting
from reelbench.predict.filling import Filled, Way, fill
from reelbench.predict.paging import paged
from reelbench.predict.rates import Rates

# Bytes that an update moves for each parameter: it reads parameters, gradients and what it keeps,
# and writes all but the gradients, all in float32.
_UPDATE_BYTES = {"adamw": 28, "sgd": 20}
UPDATE = "optimizer"
# A forward pass is as efficient as the train pass of the same layer to within this, as a standard
# deviation of the logarithm: assumed, where it was not measured itself.
_FORWARD_SPREAD = 0.2


@dataclass(frozen=True)
class PartTime:
    """The time of one part of a step.

    Attributes:
        name: Its place in the model; ``optimizer`` for the update of all parameters.
        layer: Class of the layer.
        case: What to measure to know it: name of a preset, or of a layer of the model.
        pass_: The pass.
        count: How often a step runs it.
        seconds: Of one call.
        spread: Standard deviation of the logarithm of ``seconds``.
        way: ``measured``, or how it was filled.
        nearest: The measured case that was nearest, where it was filled.
        implementation: What computed it, where it was measured.
        work: Of one call.
        power_w: Power drawn meanwhile, where it was read.
        paged_bytes: Memory that one call took anew when it was measured, see `paging`.
    """

    name: str
    layer: str
    case: str
    pass_: str
    count: int
    seconds: float
    spread: float
    way: Way
    nearest: str
    implementation: str
    work: Count
    power_w: float | None = None
    paged_bytes: float = 0.0

    @property
    def total_s(self) -> float:
        """Of all its calls."""
        return self.count * self.seconds


@dataclass(frozen=True)
class Asked:
    """What is predicted of a model.

    Attributes:
        dtype: Dtype of the computation.
        batch: Clips.
        implementation: ``best`` or ``reference``.
        rematerialised: Whether each trained layer is computed again in the backward pass.
    """

    dtype: str
    batch: int = 1
    implementation: str = "best"
    rematerialised: bool = False


def part_times(model: Model, rates: Rates, asked: Asked, count: Counting) -> list[PartTime]:
    """The parts of a step in the order in which it runs them, the update last."""
    found = []
    parameters = 0
    for part in parts_in_step(model):
        passes: tuple[Pass, ...] = ("train",) if part.trained else ("forward",)
        if part.trained and asked.rematerialised:
            passes = ("forward", "train")
        found += [_part_time(part, pass_, rates, asked, count) for pass_ in passes]
        parameters += part.copies * found[-1].work.parameters
    return [*found, _update(model, parameters, rates, asked)]


def scaled(work: Count, batch: int) -> Count:
    """The work of so many clips; bytes are an upper bound, as parameters count for each."""
    return Count(
        work.parameters,
        batch * work.model_flops,
        batch * work.least_bytes,
        batch * work.kept_bytes,
    )


def _part_time(part: Part, pass_: Pass, rates: Rates, asked: Asked, count: Counting) -> PartTime:
    preset = part.preset
    way = asked.implementation
    layer = f"{preset.family}.{preset.layer}"
    measured = rates.find(preset, pass_, asked.dtype, asked.batch, way)
    if measured:
        work = Count(
            measured.parameters,
            measured.flops,
            int(measured.least_bytes),
            int(measured.kept_bytes),
        )
        filled = Filled(measured.median_s, measured.spread, "measured")
        name = measured.implementation
    else:
        work, name = scaled(count(preset, pass_), asked.batch), ""
        filled = _from_train(part, pass_, work, rates, asked) or fill(
            layer, pass_, asked.dtype, work, rates, way=way
        )
    return PartTime(
        name=part.name,
        layer=preset.layer,
        case=preset.name,
        pass_=pass_,
        count=part.count,
        seconds=filled.seconds,
        spread=filled.spread,
        way=filled.way,
        nearest=filled.nearest,
        implementation=name,
        work=work,
        power_w=measured.power_w if measured else None,
        paged_bytes=paged(measured.memory.temporary_bytes) if measured else 0.0,
    )


def _from_train(part: Part, pass_: Pass, work: Count, rates: Rates, asked: Asked) -> Filled | None:
    """A forward pass from the train pass of the same layer, by their FLOPs."""
    if pass_ != "forward" or not part.trained or not work.model_flops:
        return None
    train = rates.find(part.preset, "train", asked.dtype, asked.batch, asked.implementation)
    if train is None or not train.flops:
        return None
    seconds = train.median_s * work.model_flops / train.flops
    return Filled(seconds, _FORWARD_SPREAD, "other shapes", f"{train.name} train")


def _update(model: Model, parameters: int, rates: Rates, asked: Asked) -> PartTime:
    layer = {value: key for key, value in OPTIMIZERS.items()}[model.optimizer]
    work = Count(parameters, 0.0, _UPDATE_BYTES[model.optimizer] * parameters)
    filled = fill(
        f"{UPDATE}.{layer}", "forward", asked.dtype, work, rates, way=asked.implementation
    )
    return PartTime(
        name=UPDATE,
        layer=layer,
        case=layer,
        pass_="update",
        count=1,
        seconds=filled.seconds,
        spread=filled.spread,
        way=filled.way,
        nearest=filled.nearest,
        implementation="",
        work=work,
        paged_bytes=_update_paged(f"{UPDATE}.{layer}", parameters, rates),
    )


def _update_paged(layer: str, parameters: int, rates: Rates) -> float:
    """As the update of other models took memory anew, by its parameters."""
    shares = [
        case.memory.temporary_bytes / case.least_bytes
        for case in rates.cases
        if case.layer == layer and case.least_bytes
    ]
    return paged(max(shares, default=0.0) * _UPDATE_BYTES[_optimizer(layer)] * parameters)


def _optimizer(layer: str) -> Optimizer:
    return OPTIMIZERS[layer.removeprefix(f"{UPDATE}.")]


def is_missing(part: PartTime) -> bool:
    """Whether the layer itself was not measured; the update is always scaled by its bytes."""
    return part.way != "measured" and not (part.name == UPDATE and part.way == "other shapes")
