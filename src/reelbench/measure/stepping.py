"""Turns a model into the workload of its whole training step."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from msgspec import structs

from reelbench import layers, models, work
from reelbench.catalogue import find
from reelbench.catalogue.models import Model
from reelbench.catalogue.models.steps import FAMILY, Step
from reelbench.implementations import REFERENCE
from reelbench.layers import passes
from reelbench.layers.loss import loss, targets_of
from reelbench.layers.optimizer import AdamWUpdate, SGDUpdate
from reelbench.machine import backend
from reelbench.measure.inputs import SEED, draw, normal
from reelbench.measure.sources import version_of_model
from reelbench.measure.workload import Workload
from reelbench.models.rematerialised import rematerialise
from reelbench.results.schema import Identity
from reelbench.work.activations import kept_bytes

# A rate at which hundreds of steps on one batch change nothing: it does not change the work.
_LEARNING_RATE = 1e-7
# The row of the catalogue with each optimizer's other settings.
_SETTINGS = {"adamw": "vit-b-adamw", "sgd": "r3d_18-sgd"}
# How many numbers an optimizer keeps beside each parameter.
MOMENTS = {"adamw": 2, "sgd": 1}
# Those that add to each gradient by itself; others ask for the norm of all of them first.
_DIRECT = ("sgd",)


def of_step(step: Step, *, pass_: str, dtype: str, batch: int) -> Workload:
    """The workload of a training step.

    Its program takes ``(parameters, others, moments, inputs, targets)``, of which the first three
    are donated and replaced by what it returns, beside the loss.

    Args:
        step: The step.
        pass_: ``step``, or ``step-remat`` to compute each layer again in the backward pass.
        dtype: Dtype of the computation; parameters and what the optimizer keeps are float32.
        batch: Clips.
    """
    model = step.model

    def create(*, again: bool) -> nnx.Module:
        module = models.create(model, dtype=jnp.dtype(dtype))
        if again:
            rematerialise(module, model.parts)
        return module

    def split(*, again: bool) -> tuple[passes.Function, Any, Any]:
        return passes.of_module(nnx.eval_shape(functools.partial(create, again=again)), "train")

    # Of shapes alone, as noise on the constants changes none and takes most of the time.
    plain, parameters, others = split(again=False)
    apply = split(again=True)[0] if pass_ == "step-remat" else plain
    inputs = tuple(passes.shape_of(each, batch, dtype) for each in model.inputs.values())
    state = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), (parameters, others))
    outputs = jax.eval_shape(lambda p, o, i: plain(p, o, i)[0], *state, inputs)
    targets = targets_of(outputs)
    leaves = jax.tree.leaves(state[0])
    moments = leaves * MOMENTS[model.optimizer]

    def make() -> tuple[Any, ...]:
        def variables() -> tuple[Any, Any]:
            module = create(again=False)
            layers.randomise_constants(module, seed=SEED)
            return passes.of_module(module, "train")[1:]

        # One program for all: initialising array by array compiles for seconds.
        held = jax.jit(variables)()
        rng = np.random.default_rng(SEED)
        kept = [jnp.full(x.shape, 1e-4, x.dtype) for x in moments]
        drawn = tuple(draw(rng, *pair) for pair in zip(model.inputs.values(), inputs, strict=True))
        aims = jax.tree.map(lambda x: _target(rng, x, outputs), targets)
        return jax.block_until_ready((*held, kept, drawn, aims))

    every = (True,) * len(inputs)

    def made(apply: passes.Function, name: str) -> Workload:
        return Workload(
            identity=structs.replace(identity_of(step, pass_, dtype, batch), implementation=name),
            version=version_of_model(model),
            function=_function(
                apply, model, apart=name != REFERENCE and model.optimizer in _DIRECT
            ),
            plain=None if apply is plain else _function(plain, model),
            arguments=(*state, moments, inputs, targets),
            make=make,
            inputs=(3, 4),
            carry=3,
            apply=apply,
            applied=(0, 1, 3),
            rebuild=made,
            kept_bytes=lambda: kept_bytes(apply, state[0], state[1], inputs, every),
            parameters=work.size(parameters),
            clips=float(batch),
            frames=float(batch * model.clip[0]),
        )

    return made(apply, REFERENCE)


def identity_of(step: Step, pass_: str, dtype: str, batch: int) -> Identity:
    """The identity of a step; nothing is built."""
    return Identity(
        layer=step.model.model,
        preset=step.name,
        family=FAMILY,
        batch=batch,
        dtype=dtype,
        pass_=pass_,
        implementation=REFERENCE,
        precision=backend.matmul_precision(),
    )


def _function(apply: passes.Function, model: Model, *, apart: bool = False) -> Callable[..., Any]:
    """The program of a step.

    Args:
        apply: Forward pass.
        model: Its model.
        apart: Whether the update of a parameter is kept out of what makes its gradient. A library's
            product takes the update's operands in, which then are held from the start of the step
            on: of each such kernel once or twice its size.
    """
    update = _update(model)

    def run_step(parameters: Any, others: Any, moments: Any, inputs: Any, targets: Any) -> Any:
        def objective(parameters: Any) -> tuple[jax.Array, Any]:
            # A variable may only be updated in the trace it was made in: make it anew.
            fresh = jax.tree.map(lambda leaf: leaf, others)
            outputs, updated = apply(parameters, fresh, inputs)
            return loss(outputs, targets), updated

        graded = jax.value_and_grad(objective, has_aux=True)
        (value, updated), gradients = graded(parameters)
        if apart:
            # One by one: no gradient waits for another.
            gradients = jax.tree.map(jax.lax.optimization_barrier, gradients)
        leaves, structure = jax.tree.flatten(parameters)
        new = update(*leaves, *moments, *jax.tree.leaves(gradients))
        after = jax.tree.unflatten(structure, new[: len(leaves)])
        return after, updated, list(new[len(leaves) :]), value

    return run_step


def _update(model: Model) -> Callable[..., tuple[jax.Array, ...]]:
    """The update that is measured alone as an optimizer's case, so that the two cannot differ."""
    options = {**find(_SETTINGS[model.optimizer]).options, "learning_rate": _LEARNING_RATE}
    return {"adamw": AdamWUpdate, "sgd": SGDUpdate}[model.optimizer](**options)


def _target(rng: np.random.Generator, shape: jax.ShapeDtypeStruct, outputs: Any) -> jax.Array:
    if jnp.issubdtype(shape.dtype, jnp.integer):
        (scores,) = jax.tree.leaves(outputs)
        return jnp.asarray(rng.integers(0, scores.shape[-1], shape.shape, np.int32))
    return normal(rng, shape)
