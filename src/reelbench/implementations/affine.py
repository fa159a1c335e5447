"""Chains of sums and products made one product and one sum for each element.

What is small is multiplied out first: a norm is then ``scale * x + offset``. Left to itself a
compiler computes it as written, for every element again, and keeps what lies between for the
gradient; the gradient of this needs the array alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from reelbench.implementations.broadcasts import spread_by_product
from reelbench.implementations.operation import Function, Operation
from reelbench.implementations.registry import CPU, Implementation, Limits, register

if TYPE_CHECKING:
    from jaxtyping import Array, Float

KIND = "chain"


def multiplied_out(
    steps: tuple[str, ...], vectors: tuple[jax.Array, ...]
) -> tuple[Float[Array, "batch c"] | None, Float[Array, "batch c"]]:
    """The scale and the offset that a chain comes to; no scale is one of 1.

    Args:
        steps: ``add``, ``sub``, ``rsub``, ``mul`` or ``div``, in order.
        vectors: The operand of each, ``[batch, c]``.
    """
    wide = jnp.promote_types(vectors[0].dtype, jnp.float32)
    scale: jax.Array | None = None
    offset = jnp.zeros_like(vectors[0], wide)
    for step, narrow in zip(steps, vectors, strict=True):
        vector = narrow.astype(wide)
        if step == "add":
            offset = offset + vector
        elif step == "sub":
            offset = offset - vector
        elif step == "rsub":
            scale, offset = -_or_ones(scale, vector), vector - offset
        elif step == "mul":
            scale, offset = vector * _or_ones(scale, vector), vector * offset
        else:
            scale, offset = _or_ones(scale, vector) / vector, offset / vector
    return scale, offset


def _or_ones(scale: jax.Array | None, like: jax.Array) -> jax.Array:
    return jnp.ones_like(like) if scale is None else scale


def _variants(_: Operation, __: Limits) -> dict[str, bool]:
    return {"": False, "-ones": True}


def _affine(operation: Operation, by_product: Any) -> Function:
    _, rows, channels = operation.shapes[0]
    steps = operation.details

    def spread(vector: Float[Array, "batch c"]) -> Float[Array, "batch _ c"]:
        if not by_product:
            return vector[:, None]
        return jax.vmap(lambda each: spread_by_product(each, 0, (rows, channels)))(vector)

    def run(
        x: Float[Array, "batch rows c"], *vectors: Float[Array, "batch c"]
    ) -> Float[Array, "batch rows c"]:
        scale, offset = multiplied_out(steps, vectors)
        wide = x.astype(offset.dtype)
        if scale is None:
            return (wide + spread(offset)).astype(x.dtype)
        if x.shape[0] == 1 and not by_product:
            # As a matrix: XLA for CPUs sums over the rows of one clip five times as slowly.
            return (wide[0] * scale[0] + offset[0]).astype(x.dtype)[None]
        return (wide * spread(scale) + spread(offset)).astype(x.dtype)

    return run


register(Implementation("affine", KIND, lambda _: True, _affine, _variants, backends=(CPU,)))
