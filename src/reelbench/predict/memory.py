"""What a training step needs of a device's memory, from what its layers keep.

A step is followed through: the forward pass fills memory with what each layer keeps, the backward
pass takes it away again, last layer first, and puts the gradients of its parameters there; then
the parameters are updated, whose gradients are all there. The fullest moment counts.

An update that looks at no other gradient need not wait. XLA then makes that of a matrix where its
moment lies, as soon as the gradient is known. Of a convolution's kernel it makes a copy first, for
the gradients of layers below, and all copies are there at once: they weigh what the gradients do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from reelbench.catalogue.models import Model, Part
from reelbench.catalogue.models.steps import parts_in_step
from reelbench.catalogue.preset import Pass, Preset
from reelbench.predict.counting import Counting
from reelbench.predict.parts import Asked, scaled
from reelbench.predict.rates import Measured, Rates

# Numbers that an optimizer keeps beside each parameter.
MOMENTS = {"adamw": 2, "sgd": 1}
# An optimizer that limits the gradients by their common norm needs all of them, and as much again
# for what is made of them.
_LIMITS_NORM = {"adamw": True, "sgd": False}
# Clips with fewer axes than time, height, width and channels are tokens, which matrices multiply.
_VOLUME_AXES = 4
_ITEMSIZE = {"float32": 4, "bfloat16": 2, "float16": 2}
_PARAMETER_BYTES = 4


@dataclass(frozen=True)
class StepMemory:
    """Bytes of a training step.

    Attributes:
        parameters: Parameters, float32.
        optimizer: What the optimizer keeps beside them.
        gradients: The most that is kept for the update at once, float32.
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
    """Bytes of a part.

    Attributes:
        parameters: Of all its copies.
        inputs: Of one run.
        kept: Of all runs.
        beside: That one run needs beside what is kept.
        passing: Of ``parameters``, those of a run whose gradients are used up with it; 0 where the
            gradients of all stay until the update.
    """

    parameters: float
    inputs: float
    kept: float
    beside: float
    passing: float = 0.0


def memory_of(model: Model, rates: Rates, asked: Asked, count: Counting) -> StepMemory:
    """The memory of a model's training step."""
    waits = _LIMITS_NORM[model.optimizer]
    layers = [_layer_memory(part, rates, asked, count, waits) for part in parts_in_step(model)]
    held = sum(layer.parameters for layer in layers)
    backward, activations, gradients = _fullest(layers)
    inputs = sum(
        _bytes(each.batch_shape(asked.batch), asked.dtype) for each in model.inputs.values()
    )
    update = (1 + waits) * gradients
    return StepMemory(
        parameters=int(held),
        optimizer=int(MOMENTS[model.optimizer] * held),
        gradients=int(gradients),
        activations=int(activations),
        inputs=inputs,
        temporary=int(max(backward, update)),
    )


def _fullest(layers: Sequence[_LayerMemory]) -> tuple[float, float, float]:
    """The fullest moment of the backward pass with gradients and without; and most gradients."""
    kept = sum(layer.kept for layer in layers)
    staying = fullest = activations = most = 0.0
    for layer in reversed(layers):
        staying += 0.0 if layer.passing else layer.parameters
        now = kept + layer.beside
        activations = max(activations, now)
        most = max(most, staying + layer.passing)
        fullest = max(fullest, now + staying + layer.passing)
        kept -= layer.kept
    return fullest, activations, most


def _layer_memory(
    part: Part, rates: Rates, asked: Asked, count: Counting, waits: bool
) -> _LayerMemory:
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
    # The gradients of weights that several runs share are added up until the last.
    passes = not waits and part.copies == part.count and _is_of_matrices(preset)
    passing = held / part.copies if passes else 0.0
    if asked.rematerialised:
        return _LayerMemory(held, inputs, part.count * inputs, kept + beside, passing)
    return _LayerMemory(held, inputs, part.count * (inputs + kept), beside, passing)


def _is_of_matrices(preset: Preset) -> bool:
    """Whether a layer sees tokens alone."""
    return all(len(each.shape) < _VOLUME_AXES for each in preset.inputs.values())


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
