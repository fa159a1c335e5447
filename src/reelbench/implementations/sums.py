"""Sums over positions and the channels of a group, as a group norm's statistics are.

Left to itself a compiler for CPUs walks through the groups one by one, a few channels at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import lax

from reelbench.implementations.operation import Function, Operation
from reelbench.implementations.registry import CPU, Implementation, alone, register

if TYPE_CHECKING:
    from jaxtyping import Array, Float

KIND = "sum"


def rows_first(x: Float[Array, "batch rows groups c"]) -> Float[Array, "batch groups"]:
    """The sum over rows of all channels together, which fill vectors, then that of each group."""
    batch, rows, groups, channels = x.shape
    # Without the barrier a compiler makes one sum of both again.
    of_rows = lax.optimization_barrier(jnp.sum(x.reshape(batch, rows, groups * channels), 1))
    return jnp.sum(of_rows.reshape(batch, groups, channels), 2)


def _rows_first(_: Operation, __: object) -> Function:
    return rows_first


register(Implementation("rows", KIND, lambda _: True, _rows_first, alone, backends=(CPU,)))
