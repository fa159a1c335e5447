"""Vectors beside every row or every column of an array, such as a norm's scale and its means.

The gradient of either is a sum over one axis of that array. Left to itself a compiler computes
several of them together, each in the order that suits the first, or adds up one number after
another. A matrix product with ones stands for itself.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from reelbench.implementations.operation import Function, Operation
from reelbench.implementations.registry import CPU, Implementation, alone, register

if TYPE_CHECKING:
    from jaxtyping import Array, Float

KIND = "broadcast"


def summed_by_product(
    column: Float[Array, " rows"], row: Float[Array, " c"]
) -> tuple[Float[Array, "rows c"], Float[Array, "rows c"]]:
    """A column and a row, each spread over the array, whose gradients are products with ones.

    Args:
        column: A number for each row of the array.
        row: A number for each column.
    """
    shape = (column.shape[0], row.shape[0])
    return spread_by_product(column, 1, shape), spread_by_product(row, 0, shape)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def spread_by_product(vector: jax.Array, along: int, shape: tuple[int, int]) -> jax.Array:
    """A vector spread along an axis of a matrix; its gradient is a product with ones."""
    return jnp.broadcast_to(jnp.expand_dims(vector, along), shape)


def _forward(vector: jax.Array, along: int, shape: tuple[int, int]) -> tuple[jax.Array, None]:
    return spread_by_product(vector, along, shape), None


def _backward(along: int, shape: tuple[int, int], _: None, gradient: jax.Array) -> tuple[jax.Array]:
    ones = jnp.ones(shape[along], gradient.dtype)
    # Ones are exact in any precision; what they meet must not be rounded.
    total = jax.lax.dot_general(
        *((ones, gradient) if along == 0 else (gradient, ones)),
        (((0,), (0,)), ((), ())) if along == 0 else (((1,), (0,)), ((), ())),
        precision=jax.lax.Precision.HIGHEST,
        preferred_element_type=jnp.promote_types(gradient.dtype, jnp.float32),
    )
    return (total.astype(gradient.dtype),)


spread_by_product.defvjp(_forward, _backward)


def _product(_: Operation, __: object) -> Function:
    return summed_by_product


register(
    Implementation(
        "ones", KIND, lambda _: True, _product, alone, backward_only=True, backends=(CPU,)
    )
)
