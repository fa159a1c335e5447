"""The two passes of a layer as pure functions: ``forward``, and ``train`` with all gradients.

A layer is split into its graph (static), its parameters and its other variables. ``train`` returns
the loss, the gradients with respect to parameters and floating inputs, and the updated running
statistics. Its loss is the inner product of the outputs with a random cotangent that is an
argument: unlike a mean of squares it has a gradient for layers that end in a normalisation, and
adds no multiply-accumulate that a model would not have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from reelbench.catalogue import Input
from reelbench.layers import collective

Function = Callable[..., Any]


def of_module(module: nnx.Module, pass_: str) -> tuple[Function, Any, Any]:
    """Split a module for a pass.

    Returns:
        A function ``apply(parameters, others, inputs) -> (outputs, others)``, the parameters and
        the other variables (arrays or shapes, as the module holds them).
    """
    module.train() if pass_ == "train" else module.eval()
    graph, *states = nnx.split(module, nnx.Param, ...)
    parameters, others = states

    def apply(parameters: Any, others: Any, inputs: tuple[Any, ...]) -> tuple[Any, Any]:
        merged: Any = nnx.merge(graph, parameters, others)
        outputs = merged(*inputs)
        return outputs, nnx.state(merged, nnx.Not(nnx.Param))

    return apply, parameters, others


def forward(apply: Function) -> Function:
    """``(parameters, others, inputs) -> outputs``."""

    def run_forward(parameters: Any, others: Any, inputs: tuple[Any, ...]) -> Any:
        return apply(parameters, others, inputs)[0]

    return run_forward


def train(apply: Function, given: Sequence[bool] = ()) -> Function:
    """``(parameters, others, inputs, cotangent) -> (loss, gradients, others)``.

    Args:
        apply: See `of_module`.
        given: Which inputs come from outside and have no gradient; none by default.
    """

    def run_train(parameters: Any, others: Any, inputs: tuple[Any, ...], cotangent: Any) -> Any:
        moving, differentiable = by_floating(apply, others, inputs, given)

        def loss(parameters: Any, moving: list[Any]) -> tuple[Any, Any]:
            outputs, updated = differentiable(parameters, moving)
            return inner_product(outputs, cotangent), updated

        (value, updated), gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(
            parameters, moving
        )
        return value, gradients, updated

    return run_train


def slope(apply: Function, given: Sequence[bool] = ()) -> Function:
    """``(parameters, others, inputs, cotangent, direction) -> ((outputs, others), derivative)``.

    The derivative of `train`'s loss along a direction, a pair for the parameters and the list of
    floating inputs: forward through the layer once, without its backward pass.

    Args:
        apply: See `of_module`.
        given: As of `train`.
    """

    def run_slope(
        parameters: Any, others: Any, inputs: tuple[Any, ...], cotangent: Any, direction: Any
    ) -> Any:
        moving, differentiable = by_floating(apply, others, inputs, given)

        def loss(parameters: Any, moving: list[Any]) -> tuple[Any, Any]:
            outputs, updated = differentiable(parameters, moving)
            return inner_product(outputs, cotangent), (outputs, updated)

        _, derivative, made = jax.jvp(loss, (parameters, moving), direction, has_aux=True)
        return made, derivative

    return run_slope


def by_floating(
    apply: Function, others: Any, inputs: tuple[Any, ...], given: Sequence[bool] = ()
) -> tuple[list[Any], Function]:
    """The floating inputs, and ``(parameters, floating inputs) -> (outputs, others)``.

    Inputs that are ``given`` from outside are not differentiated, and so not among the first.
    """
    leaves, structure = jax.tree.flatten(inputs)
    outside = tuple(given) or (False,) * len(inputs)
    fixed = [
        each
        for each, one in zip(outside, inputs, strict=True)
        for _ in range(len(jax.tree.leaves(one)))
    ]
    floating = [is_floating(leaf) and not still for leaf, still in zip(leaves, fixed, strict=True)]

    def differentiable(parameters: Any, moving: list[Any]) -> tuple[Any, Any]:
        given = iter(moving)
        full = [
            next(given) if moves else leaf for leaf, moves in zip(leaves, floating, strict=True)
        ]
        # A variable may only be updated in the trace it was made in: make it anew.
        fresh = jax.tree.map(lambda leaf: leaf, others)
        outputs, updated = apply(parameters, fresh, jax.tree.unflatten(structure, full))
        return outputs, updated

    return [leaf for leaf, moves in zip(leaves, floating, strict=True) if moves], differentiable


def cotangent_of(outputs: Any) -> Any:
    """The floating leaves of the outputs' shapes, which ``train`` needs a cotangent for."""
    return jax.tree.map(lambda x: x if is_floating(x) else None, outputs)


def shape_of(each: Input, batch: int, dtype: str) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an input of the catalogue, for ``batch`` clips and a case's dtype."""
    kinds = {"normal": dtype, "index": "int32"}
    kind = jnp.dtype(kinds.get(each.values, "float32"))
    if each.per_device:
        shape = (jax.device_count(), *each.shape)
        return jax.ShapeDtypeStruct(shape, kind, sharding=collective.per_device())
    return jax.ShapeDtypeStruct(each.batch_shape(batch), kind)


def is_floating(leaf: Any) -> bool:
    """Whether a leaf holds (or describes) floating-point numbers."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating)


def inner_product(outputs: Any, cotangent: Any) -> Any:
    """Sum of outputs times cotangent over the floating leaves, accumulated in float32 at least."""
    total = jnp.zeros((), jnp.float32)
    floating = [out for out in jax.tree.leaves(outputs) if is_floating(out)]
    for out, weight in zip(floating, jax.tree.leaves(cotangent), strict=True):
        wide = jnp.promote_types(out.dtype, jnp.float32)
        total = total + jnp.sum((out * weight).astype(wide))
    return total
