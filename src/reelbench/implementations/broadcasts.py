"""A vector of parameters, such as a bias or a norm's scale, beside every row of what it meets.

Its gradient is a sum over all rows. Left to itself a compiler computes that together with other
sums over the same data, each in the order that suits the first. A matrix product with ones stands
for itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from reelbench.implementations.operation import Function, Operation
from reelbench.implementations.registry import Implementation, Limits, register

if TYPE_CHECKING:
    from jaxtyping import Array, Float

KIND = "broadcast"


def summed_by_product(rows: int) -> Function:
    """The vector in so many rows, whose gradient is a matrix product with ones.

    Args:
        rows: How many.
    """

    @jax.custom_vjp
    def run(vector: Float[Array, " c"]) -> Float[Array, "rows c"]:
        return jnp.broadcast_to(vector, (rows, vector.shape[0]))

    def forward(vector: jax.Array) -> tuple[jax.Array, None]:
        return run(vector), None

    def backward(_: None, gradient: jax.Array) -> tuple[jax.Array]:
        wide = jnp.promote_types(gradient.dtype, jnp.float32)
        ones = jnp.ones((1, rows), gradient.dtype)
        # Ones are exact in any precision; what they meet must not be rounded.
        total = jax.lax.dot(
            ones, gradient, precision=jax.lax.Precision.HIGHEST, preferred_element_type=wide
        )
        return (total[0].astype(gradient.dtype),)

    run.defvjp(forward, backward)
    return run


def _rows(operation: Operation, _: object) -> Function:
    return summed_by_product(operation.details)


def _one(_: Operation, __: Limits) -> dict[str, None]:
    return {"": None}


register(Implementation("ones", KIND, lambda _: True, _rows, _one, backward_only=True))
