"""Matrix products over the positions of a batch, as dense layers are.

The gradient of the right operand, mostly a kernel, is differentiated to the product of the
output's gradient with the left operand, transposed. A compiler for CPUs then wants that gradient
transposed too, and where batch and positions are axes of their own it computes all that leads to
it, such as a GELU's gradient, again for that, column by column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
from jax import lax

from reelbench.implementations.operation import Function, Operation
from reelbench.implementations.registry import CPU, Implementation, alone, register

if TYPE_CHECKING:
    from jaxtyping import Array, Float

KIND = "product"

_BY_COLUMNS = (((1,), (1,)), ((), ()))
_BY_ROWS = (((0,), (0,)), ((), ()))


@jax.custom_vjp
def flat(left: Float[Array, "rows k"], right: Float[Array, "k n"]) -> Float[Array, "rows n"]:
    """A product whose gradients are products of matrices, each in the layout of its operand."""
    return lax.dot(left, right)


def _forward(left: jax.Array, right: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return flat(left, right), (left, right)


def _backward(
    kept: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    left, right = kept
    to_left = lax.dot_general(gradient, right, _BY_COLUMNS)
    return to_left, lax.dot_general(left, gradient, _BY_ROWS)


flat.defvjp(_forward, _backward)


def _flat(_: Operation, __: object) -> Function:
    return flat


register(
    Implementation("flat", KIND, lambda _: True, _flat, alone, backward_only=True, backends=(CPU,))
)
