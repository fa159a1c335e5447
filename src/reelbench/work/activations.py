"""What a forward pass keeps for the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Literal

from reelbench.layers import passes


def kept_bytes(
    apply: passes.Function,
    parameters: Any,
    others: Any,
    inputs: tuple[Any, ...],
    given: Sequence[bool] = (),
) -> int:
    """Bytes that automatic differentiation keeps from the forward pass to the backward pass.

    Parameters and inputs themselves are held anyway and not counted; a value kept for several
    operations counts once. Read from the traced program, so that nothing is computed. A compiler
    may keep less, by computing cheap values again.

    Args:
        apply: ``(parameters, others, inputs) -> (outputs, others)``, see `passes.of_module`.
        parameters: Shapes of the parameters, differentiated.
        others: Shapes of the other variables.
        inputs: Shapes of the inputs; floating ones are differentiated.
        given: Which inputs come from outside and are not.
    """

    def forward(parameters: Any, others: Any, inputs: tuple[Any, ...]) -> Any:
        moving, differentiable = passes.by_floating(apply, others, inputs, given)
        _, backward, _ = jax.vjp(differentiable, parameters, moving, has_aux=True)
        return jax.tree.leaves(backward)

    jaxpr = jax.make_jaxpr(forward)(parameters, others, inputs).jaxpr
    held = set(jaxpr.invars) | set(jaxpr.constvars)
    kept = {v for v in jaxpr.outvars if not isinstance(v, Literal)} - held
    return sum(_bytes(v.aval) for v in kept)


def _bytes(aval: Any) -> int:
    if jnp.issubdtype(aval.dtype, jax.dtypes.prng_key):
        return 0
    return int(prod(aval.shape) * np.dtype(aval.dtype).itemsize)
