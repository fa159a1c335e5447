"""The operations as a JAX user would write them: what other implementations are held against."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.geometry import Geometry
from reelbench.implementations.operation import Function, Operation

_AXES = "DHW"


def plain(operation: Operation) -> Function:
    """The operation's own function of the operands in the canonical layout.

    Raises:
        ValueError: Nothing is known of its kind.
    """
    match operation.kind:
        case "convolution":
            return partial(convolve, geometry=operation.details)
        case "attention":
            return _attention(operation)
        case "broadcast":
            return _spread
        case "chain":
            return _chain(operation)
        case "pool":
            return _pool(operation)
        case "product":
            return lax.dot
        case "sum":
            return lambda x: jnp.sum(x, (1, 3))
    raise ValueError(f"no plain form of {operation.kind}")


def _spread(column: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
    shape = (*column.shape, *row.shape)
    return jnp.broadcast_to(column[:, None], shape), jnp.broadcast_to(row, shape)


_STEPS: dict[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "add": lambda x, vector: x + vector,
    "sub": lambda x, vector: x - vector,
    "rsub": lambda x, vector: vector - x,
    "mul": lambda x, vector: x * vector,
    "div": lambda x, vector: x / vector,
}


def _chain(operation: Operation) -> Function:
    def run(x: jax.Array, *vectors: jax.Array) -> jax.Array:
        for step, vector in zip(operation.details, vectors, strict=True):
            x = _STEPS[step](x, vector[:, None])
        return x

    return run


def _pool(operation: Operation) -> Function:
    pooling = operation.details

    def run(x: jax.Array) -> jax.Array:
        return lax.reduce_window(
            x, -jnp.inf, lax.max, pooling.window, pooling.strides, pooling.padding
        )

    return run


def convolve(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """A convolution in the canonical layout."""
    axes = _AXES[len(_AXES) - geometry.rank :]
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.strides,
        geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
        feature_group_count=geometry.groups,
        precision=geometry.precision,
    )


def _attention(operation: Operation) -> Function:
    details = operation.details

    def run(*operands: Any) -> jax.Array:
        query, key, value, *rest = operands
        mask = rest.pop() if details.has_mask else None
        bias = rest.pop() if details.has_bias else None
        return jax.nn.dot_product_attention(
            query, key, value, bias, mask, is_causal=details.is_causal, scale=details.scale
        )

    return run
