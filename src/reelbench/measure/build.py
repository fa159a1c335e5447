"""Turns a row of the catalogue, or anybody's module or function, into a workload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from msgspec import structs

from reelbench import layers, work
from reelbench.catalogue import Preset
from reelbench.catalogue.counted import Count, recorded, recorded_step
from reelbench.catalogue.models.steps import Step
from reelbench.implementations import REFERENCE
from reelbench.layers import passes
from reelbench.machine import backend
from reelbench.measure.axes import Axes
from reelbench.measure.failure import CaseFailure
from reelbench.measure.inputs import SEED, normal
from reelbench.measure.inputs import draw as draw_input
from reelbench.measure.sources import version_of_layer, version_of_source
from reelbench.measure.stepping import identity_of, of_step
from reelbench.measure.workload import Workload
from reelbench.results.outcome import Outcome
from reelbench.results.schema import Identity
from reelbench.work.activations import kept_bytes

# Family of users' own layers.
OWN_FAMILY = "custom"


def from_catalogue(preset: Preset, *, pass_: str, dtype: str, batch: int) -> Workload:
    """The workload of a row of the catalogue.

    Raises:
        CaseFailure: It takes more devices than there are.
    """
    if jax.device_count() < preset.devices:
        raise CaseFailure(
            Outcome.UNSUPPORTED_HERE,
            f"takes {preset.devices} devices, here is {jax.device_count()}",
            devices=float(jax.device_count()),
        )

    def create() -> nnx.Module:
        return layers.create(preset, dtype=jnp.dtype(dtype))

    # Of shapes alone, as noise on the constants changes none and takes most of the time.
    apply, parameters, others = passes.of_module(nnx.eval_shape(create), pass_)
    inputs = tuple(passes.shape_of(each, batch, dtype) for each in preset.inputs.values())

    def variables() -> tuple[Any, Any]:
        def drawn() -> tuple[Any, Any]:
            module = create()
            layers.randomise_constants(module, seed=SEED)
            return passes.of_module(module, pass_)[1:]

        # One program for all: initialising array by array compiles for seconds.
        return jax.block_until_ready(jax.jit(drawn)())

    def draw() -> tuple[jax.Array, ...]:
        rng = np.random.default_rng(SEED)
        specs = zip(preset.inputs.values(), inputs, strict=True)
        return tuple(draw_input(rng, each, shape) for each, shape in specs)

    common = {
        "identity": _identity(preset, pass_, dtype, batch),
        "version": version_of_layer(preset),
        "parameters": work.size(parameters)
        + sum(prod(each.shape) for each in preset.inputs.values() if each.values == "parameter"),
        "clips": float(batch),
        "frames": float(batch * preset.frames),
        "tokens": float(batch * preset.tokens),
    }
    if preset.carry:
        return _carrying(apply, variables, (parameters, others), inputs, draw, preset.carry, common)
    given = preset.given
    return _passing(apply, variables, (parameters, others), inputs, draw, pass_, common, given)


def at_axes(row: Preset | Step, axes: Axes) -> Workload:
    """The workload of a row, or of a whole step, at one point of the axes."""
    dtype, batch = _of_catalogue(axes)
    if isinstance(row, Step):
        return of_step(row, pass_=axes.pass_, dtype=dtype, batch=batch)
    return from_catalogue(row, pass_=axes.pass_, dtype=dtype, batch=batch)


def identity_at_axes(row: Preset | Step, axes: Axes) -> Identity:
    """The identity of a row or a step at one point of the axes; nothing is built."""
    at = (axes.pass_, *_of_catalogue(axes))
    identity = identity_of(row, *at) if isinstance(row, Step) else _identity(row, *at)
    return structs.replace(identity, implementation=axes.implementation or REFERENCE)


def count_at_axes(row: Preset | Step, axes: Axes) -> Count | None:
    """About the work of a row at one point of the axes, where it is recorded; nothing is traced.

    Bytes are an upper bound: parameters are counted once for each clip, and in float32.
    """
    _, batch = _of_catalogue(axes)
    one = recorded_step(row.model) if isinstance(row, Step) else recorded(row, axes.pass_)
    if one is None:
        return None
    return Count(one.parameters, batch * one.model_flops, batch * one.least_bytes)


def _of_catalogue(axes: Axes) -> tuple[str, int]:
    assert axes.dtype is not None
    assert axes.batch is not None
    return axes.dtype, axes.batch


def _identity(preset: Preset, pass_: str, dtype: str, batch: int) -> Identity:
    return Identity(
        layer=preset.layer,
        preset=preset.name,
        family=preset.family,
        batch=batch,
        dtype=dtype,
        pass_=pass_,
        implementation=REFERENCE,
        precision=backend.matmul_precision(),
        mesh=f"device={jax.device_count()}" if preset.devices > 1 else None,
    )


def from_user(
    target: Any,
    inputs: tuple[Any, ...],
    *,
    name: str,
    pass_: str,
    clips: float,
    reference: Callable[..., Any] | None = None,
) -> Workload:
    """The workload of a user's own NNX module or function, called with ``inputs``.

    Arrays among the inputs become arguments of the program; other leaves stay as they are. A module
    is put into training mode for ``train`` and into evaluation mode for ``forward``.

    Raises:
        TypeError: The target is neither a module nor a function.
    """
    if not callable(target):
        raise TypeError(f"measure() takes a Flax NNX module or a function, not {type(target)}")
    is_module = isinstance(target, nnx.Module)
    leaves, structure = jax.tree.flatten(inputs)
    dynamic = [isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves]
    arrays = tuple(jnp.asarray(x) for x, moves in zip(leaves, dynamic, strict=True) if moves)

    def restore(given: tuple[Any, ...]) -> tuple[Any, ...]:
        rest = iter(given)
        full = [next(rest) if moves else x for x, moves in zip(leaves, dynamic, strict=True)]
        return jax.tree.unflatten(structure, full)

    if is_module:
        split, parameters, others = passes.of_module(target, pass_)
    else:
        split, parameters, others = (lambda _, __, given: (target(*given), ())), (), ()

    def apply(parameters: Any, others: Any, given: tuple[Any, ...]) -> tuple[Any, Any]:
        return split(parameters, others, restore(given))

    floating = [x for x in arrays if passes.is_floating(x)]
    identity = Identity(
        layer=type(target).__name__ if is_module else getattr(target, "__qualname__", repr(target)),
        preset=name,
        family=OWN_FAMILY,
        batch=int(arrays[0].shape[0]) if arrays and arrays[0].ndim else 1,
        dtype=str(floating[0].dtype) if floating else "none",
        pass_=pass_,
        implementation=REFERENCE,
        precision=backend.matmul_precision(),
    )
    common = {
        "identity": identity,
        "version": version_of_source(type(target) if is_module else target),
        "parameters": work.size(parameters),
        "clips": clips,
    }
    if reference is not None:
        expect = reference
        common["reference"] = lambda _, __, given, *___: expect(*restore(given))
    held = (parameters, others)
    shapes = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in arrays)
    return _passing(apply, lambda: held, held, shapes, lambda: arrays, pass_, common)


def _passing(
    apply: Callable[..., Any],
    variables: Callable[[], tuple[Any, Any]],
    held: tuple[Any, Any],
    inputs: tuple[Any, ...],
    draw: Callable[[], tuple[Any, ...]],
    pass_: str,
    common: dict[str, Any],
    given: tuple[bool, ...] = (),
) -> Workload:
    """A workload of a forward or train pass."""
    state = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), held)
    made = _of_pass(apply, variables, state, inputs, draw, pass_, common, given)

    def rebuild(other: Callable[..., Any], name: str) -> Workload:
        identity = structs.replace(made.identity, implementation=name)
        named = {**common, "identity": identity}
        return replace(
            _of_pass(other, variables, state, inputs, draw, pass_, named, given),
            plain=made.function,
            reference=made.function,
            slope=passes.slope(apply, given) if pass_ == "train" else None,
            kept_bytes=made.kept_bytes,
        )

    return replace(made, apply=apply, rebuild=rebuild)


def _of_pass(
    apply: Callable[..., Any],
    variables: Callable[[], tuple[Any, Any]],
    state: tuple[Any, Any],
    inputs: tuple[Any, ...],
    draw: Callable[[], tuple[Any, ...]],
    pass_: str,
    common: dict[str, Any],
    given: tuple[bool, ...],
) -> Workload:
    if pass_ == "forward":
        return Workload(
            function=passes.forward(apply),
            arguments=(*state, inputs),
            make=lambda: (*variables(), draw()),
            inputs=(2,),
            **common,
        )
    outputs = jax.eval_shape(lambda p, o, i: apply(p, o, i)[0], *state, inputs)
    cotangent = passes.cotangent_of(outputs)

    def cotangents() -> Any:
        rng = np.random.default_rng(SEED + 1)
        return jax.tree.map(lambda x: normal(rng, x), cotangent)

    return Workload(
        function=passes.train(apply, given),
        kept_bytes=lambda: kept_bytes(apply, *state, inputs, given),
        arguments=(*state, inputs, cotangent),
        make=lambda: (*variables(), draw(), cotangents()),
        inputs=(2, 3),
        **common,
    )


def _carrying(
    apply: Callable[..., Any],
    variables: Callable[[], tuple[Any, Any]],
    held: tuple[Any, Any],
    inputs: tuple[Any, ...],
    draw: Callable[[], tuple[Any, ...]],
    carry: int,
    common: dict[str, Any],
) -> Workload:
    """A workload whose outputs replace its leading inputs, such as an optimizer's update."""

    def function(carried: Any, rest: Any, parameters: Any, others: Any) -> Any:
        return (apply(parameters, others, (*carried, *rest))[0],)

    def make() -> tuple[Any, ...]:
        drawn = draw()
        return (drawn[:carry], drawn[carry:], *variables())

    return Workload(
        function=function,
        arguments=(inputs[:carry], inputs[carry:], *held),
        make=make,
        inputs=(0, 1),
        carry=1,
        **common,
    )
