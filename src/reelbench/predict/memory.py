"""What a training step needs of a device's memory, from what its layers keep.

A step is followed through: the forward pass fills memory with what each layer keeps, the backward
pass takes it away again, last layer first, and puts the gradients of its parameters there; then
the parameters are updated, whose gradients are all there. The fullest moment counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from reelbench.catalogue.models import Model, Part
from reelbench.catalogue.models.steps import parts_in_step
from reelbench.catalogue.preset import Pass
from reelbench.predict.counting import Counting
from reelbench.predict.parts import Asked, scaled
from reelbench.predict.rates import Measured, Rates

# Numbers that an optimizer keeps beside each parameter.
MOMENTS = {"adamw": 2, "sgd": 1}
# Trees of the parameters' size that an update needs beside parameters and moments: the gradients,
# and where their common norm limits them, so that none can be used up before all are known, what
# is made of them.
_UPDATE_TREES = {"adamw": 2, "sgd": 1}
_ITEMSIZE = {"float32": 4, "bfloat16": 2, "float16": 2}
_PARAMETER_BYTES = 4


@dataclass(frozen=True)
class StepMemory:
    """Bytes of a training step.

    Attributes:
        parameters: Parameters, float32.
        optimizer: What the optimizer keeps beside them.
        gradients: Of all parameters, float32.
        activations: The most that the forward pass keeps for the backward pass at once, and what
            the layer at work needs beside it.
        inputs: What the step is given.
        temporary: The most at once of gradients, activations and what the update makes of them.
    """

    parameters: int
    optimizer: int
    gradients: int
    activations: int
    inputs: int
    temporary: int

    @property
    def total(self) -> int:
        """What the step needs at its fullest moment."""
        return self.parameters + self.optimizer + self.inputs + self.temporary


@dataclass(frozen=True)
class _LayerMemory:
    """Bytes of all runs of a part: parameters, inputs, kept; and beside that of one run."""

    parameters: float
    inputs: float
    kept: float
    beside: float


def memory_of(model: Model, rates: Rates, asked: Asked, count: Counting) -> StepMemory:
    """The memory of a model's training step."""
    layers = [_layer_memory(part, rates, asked, count) for part in parts_in_step(model)]
    held = sum(layer.parameters for layer in layers)
    backward, activations = _fullest(layers)
    inputs = sum(
        _bytes(each.batch_shape(asked.batch), asked.dtype) for each in model.inputs.values()
    )
    update = _UPDATE_TREES[model.optimizer] * held
    return StepMemory(
        parameters=int(held),
        optimizer=int(MOMENTS[model.optimizer] * held),
        gradients=int(held),
        activations=int(activations),
        inputs=inputs,
        temporary=int(max(backward, update)),
    )


def _fullest(layers: Sequence[_LayerMemory]) -> tuple[float, float]:
    """The fullest moment of the backward pass, with gradients and without."""
    kept = sum(layer.kept for layer in layers)
    gradients = fullest = activations = 0.0
    for layer in reversed(layers):
        gradients += layer.parameters
        now = kept + layer.beside
        activations = max(activations, now)
        fullest = max(fullest, now + gradients)
        kept -= layer.kept
    return fullest, activations


def _layer_memory(part: Part, rates: Rates, asked: Asked, count: Counting) -> _LayerMemory:
    preset = part.preset
    pass_: Pass = "train" if part.trained else "forward"
    inputs = float(
        sum(
            _bytes(each.batch_shape(asked.batch), asked.dtype)
            for each in preset.inputs.values()
            if not each.given and each.batched
        )
    )
    case = rates.find(preset, pass_, asked.dtype, asked.batch, asked.implementation)
    if case is not None:
        kept, beside, parameters = *_of_case(case), case.parameters
    else:
        work = scaled(count(preset, pass_), asked.batch)
        kept, beside, parameters = float(work.kept_bytes), 0.0, work.parameters
    held = float(_PARAMETER_BYTES * part.copies * parameters)
    if not part.trained:
        return _LayerMemory(held, inputs, 0.0, beside)
    if asked.rematerialised:
        return _LayerMemory(held, inputs, part.count * inputs, kept + beside)
    return _LayerMemory(held, inputs, part.count * (inputs + kept), beside)


def _of_case(case: Measured) -> tuple[float, float]:
    """What a measured layer keeps, and what it needs beside that while it runs.

    A compiled program may keep less than automatic differentiation asks for, as cheap values are
    computed again, but never has more room than its temporary memory.
    """
    temporary = float(case.memory.temporary_bytes)
    kept = min(case.kept_bytes, temporary)
    return kept, temporary - kept


def _bytes(shape: tuple[int, ...], dtype: str) -> int:
    return prod(shape) * _ITEMSIZE.get(dtype, 4)
