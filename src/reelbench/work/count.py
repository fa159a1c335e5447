"""The work of a layer or a model, counted by tracing: no array is made, whatever its size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from reelbench import layers, models
from reelbench.catalogue import Input, Pass, Preset
from reelbench.catalogue.counted import Count, sum_of_parts
from reelbench.catalogue.models import Model
from reelbench.layers import passes
from reelbench.work.activations import kept_bytes
from reelbench.work.flops import count_flops, nbytes, size


def of_preset(
    preset: Preset, pass_: Pass = "forward", *, dtype: str = "float32", batch: int = 1
) -> Count:
    """The work of a layer at the shape of a catalogue row."""
    held = sum(prod(each.shape) for each in preset.inputs.values() if each.values == "parameter")
    counted = _count(
        lambda: layers.create(preset, dtype=jnp.dtype(dtype)), preset.inputs, pass_, dtype, batch
    )
    return Count(
        counted.parameters + held, counted.model_flops, counted.least_bytes, counted.kept_bytes
    )


def of_assembled(
    model: Model, pass_: Pass = "forward", *, dtype: str = "float32", batch: int = 1
) -> Count:
    """The work of a whole model, from the assembled module."""
    return _count(
        lambda: models.create(model, dtype=jnp.dtype(dtype)), model.inputs, pass_, dtype, batch
    )


def of_parts(
    model: Model, pass_: Pass = "forward", *, dtype: str = "float32", batch: int = 1
) -> Count:
    """The work of a whole model, from the layers of its composition; see `sum_of_parts`."""
    return sum_of_parts(model, pass_, lambda row, each: _remembered(row, each, dtype, batch))


_counted: dict[tuple[str, str, str, int], Count] = {}


def _remembered(preset: Preset, pass_: Pass, dtype: str, batch: int) -> Count:
    """As `of_preset`; equal parts of a model, and of its sisters, are traced once."""
    key = (preset.sizes, pass_, dtype, batch)
    if key not in _counted:
        _counted[key] = of_preset(preset, pass_, dtype=dtype, batch=batch)
    return _counted[key]


def _count(
    create: Callable[[], nnx.Module],
    inputs: Mapping[str, Input],
    pass_: Pass,
    dtype: str,
    batch: int,
) -> Count:
    apply, parameters, others = passes.of_module(nnx.eval_shape(create), pass_)
    given = tuple(passes.shape_of(each, batch, dtype) for each in inputs.values())
    state = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), (parameters, others))
    arguments: tuple[Any, ...] = (*state, given)
    function = passes.forward(apply)
    kept = 0
    if pass_ == "train":
        outside = tuple(each.given for each in inputs.values())
        kept = kept_bytes(apply, state[0], state[1], given, outside)
        cotangent = passes.cotangent_of(jax.eval_shape(function, *arguments))
        function, arguments = passes.train(apply, outside), (*arguments, cotangent)
    stage = jax.jit(function).trace(*arguments)
    least = nbytes(arguments) + nbytes(stage.out_info)
    return Count(size(state[0]), count_flops(stage.jaxpr).model, least, kept)
