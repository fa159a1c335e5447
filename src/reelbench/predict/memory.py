"""What a training step needs of a device's memory, from what its layers hold.

A step is followed through: the forward pass fills memory with what each layer keeps, the backward
pass takes it away again, last layer first. The fullest moment counts.

The rules are those of XLA's compiler for CPUs, which runs an operation as soon as its operands are
there. What is made of parameters and constants alone, as the kernel of a convolution that is turned
around for the gradient of its input, is therefore there from the start until it is read. Each
parameter is copied at the start, as its update is written over it before all have read it, but the
place that it leaves serves other values until then: the two cancel.

An update that looks at no other gradient follows as soon as one is known, so that there is one at a
time. One that limits the gradients by their common norm needs all of them, and as much again for
what is made of them.

For the same reason rematerialisation gains nothing on a CPU: the operands of what is to be computed
again, a layer's inputs, are there long before the backward pass comes to it, so that it is computed
at once, or found to be what was computed already. On other backends each layer keeps its inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from reelbench.catalogue.models import Model, Part
from reelbench.catalogue.models.steps import parts_in_step
from reelbench.catalogue.preset import Pass
from reelbench.predict.counting import Counting
from reelbench.predict.parts import Asked, scaled
from reelbench.predict.rates import Measured, Rates

# Numbers that an optimizer keeps beside each parameter.
MOMENTS = {"adamw": 2, "sgd": 1}
_LIMITS_NORM = {"adamw": True, "sgd": False}
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
class _Run:
    """Bytes of one run of a layer.

    Attributes:
        kept: From its forward pass until its backward pass.
        prepared: From the start until its backward pass.
        prepared_forward: From the start until its forward pass.
        beside: While it runs.
        again: While its backward pass runs, beyond the former: what is computed again.
        staying: Gradients from its backward pass until the update.
        passing: Gradients while its backward pass runs.
    """

    kept: float = 0.0
    prepared: float = 0.0
    prepared_forward: float = 0.0
    beside: float = 0.0
    again: float = 0.0
    staying: float = 0.0
    passing: float = 0.0


@dataclass(frozen=True)
class _Moment:
    activations: float
    gradients: float

    @property
    def bytes(self) -> float:
        return self.activations + self.gradients


def memory_of(model: Model, rates: Rates, asked: Asked, count: Counting) -> StepMemory:
    """The memory of a model's training step."""
    waits = _LIMITS_NORM[model.optimizer]
    held = 0.0
    runs: list[_Run] = []
    for part in parts_in_step(model):
        parameters, found = _runs_of(part, rates, asked, count, waits)
        held += part.copies * parameters
        runs += found
    moments = list(_moments(runs))
    gradients = max(each.gradients for each in moments)
    inputs = sum(
        _bytes(each.batch_shape(asked.batch), asked.dtype) for each in model.inputs.values()
    )
    update = 2 * sum(run.staying for run in runs)
    return StepMemory(
        parameters=int(held),
        optimizer=int(MOMENTS[model.optimizer] * held),
        gradients=int(gradients),
        activations=int(max(each.activations for each in moments)),
        inputs=inputs,
        temporary=int(max(update, *(each.bytes for each in moments))),
    )


def _moments(runs: Sequence[_Run]) -> Iterator[_Moment]:
    """A step, run by run, forward and back."""
    kept = 0.0
    prepared = sum(run.prepared for run in runs)
    prepared_forward = sum(run.prepared_forward for run in runs)
    for run in runs:
        kept += run.kept
        yield _Moment(kept + prepared + prepared_forward + run.beside, 0.0)
        prepared_forward -= run.prepared_forward
    staying = 0.0
    for run in reversed(runs):
        staying += run.staying
        yield _Moment(kept + prepared + run.beside + run.again, staying + run.passing)
        kept -= run.kept
        prepared -= run.prepared


def _runs_of(
    part: Part, rates: Rates, asked: Asked, count: Counting, waits: bool
) -> tuple[float, list[_Run]]:
    """Bytes of the parameters of a copy of a part, and its runs."""
    preset = part.preset
    pass_: Pass = "train" if part.trained else "forward"
    case = rates.find(preset, pass_, asked.dtype, asked.batch, asked.implementation)
    if case is not None:
        parameters = float(_PARAMETER_BYTES * case.parameters)
    else:
        work = scaled(count(preset, pass_), asked.batch)
        parameters = float(_PARAMETER_BYTES * work.parameters)
    if not part.trained:
        beside = float(case.memory.temporary_bytes) if case is not None else 0.0
        return parameters, [_Run(beside=beside)] * part.count
    inputs = float(
        sum(
            _bytes(each.batch_shape(asked.batch), asked.dtype)
            for each in preset.inputs.values()
            if not each.given and each.batched
        )
    )
    if case is None:
        run = _Run(kept=inputs + work.kept_bytes, passing=parameters)
    else:
        run = _of_case(case, inputs, parameters)
    if asked.rematerialised and rates.ceilings.recomputes_late:
        run = _rematerialised(run, case, inputs)
    if not waits:
        return parameters, [run] * part.count
    # The gradients of weights that several runs share are added up until the last.
    run = replace(run, passing=0.0)
    new = replace(run, staying=parameters)
    return parameters, [run] * (part.count - part.copies) + [new] * part.copies


def _rematerialised(run: _Run, case: Measured | None, inputs: float) -> _Run:
    """What is held where a layer's backward pass computes it again.

    That waits for a barrier, behind which its parameters are too: what is made of them is made
    then. What is made of constants alone waits for nothing.
    """
    held = case.memory.held if case is not None else None
    early = run.prepared
    if held is not None and held.constant_bytes is not None:
        early = min(early, float(held.constant_bytes))
    again = run.kept + run.prepared - early + run.prepared_forward
    return replace(run, kept=inputs, prepared=early, again=again)


def _of_case(case: Measured, inputs: float, parameters: float) -> _Run:
    """What a measured layer holds."""
    temporary = float(case.memory.temporary_bytes)
    held = case.memory.held
    if held is None:
        # The program may keep less than automatic differentiation asks for, as cheap values are
        # computed again, but never has more room than its temporary memory.
        kept = min(case.kept_bytes, temporary)
        return _Run(kept=inputs + kept, beside=temporary - kept, passing=parameters)
    own = held.kept_bytes + held.prepared_bytes + held.prepared_forward_bytes
    return _Run(
        kept=float(held.kept_bytes),
        prepared=float(held.prepared_bytes),
        prepared_forward=float(held.prepared_forward_bytes),
        beside=max(temporary - own, 0.0),
        passing=float(held.largest_parameter_bytes),
    )


def _bytes(shape: tuple[int, ...], dtype: str) -> int:
    return prod(shape) * _ITEMSIZE.get(dtype, 4)
