"""Times one implementation of an operation alone, on random operands."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reelbench.implementations import Operation
from reelbench.measure import cache

_SEED = 20_260_103
# Calls after the first, and the time after which no further one is begun.
_CALLS, _CALLS_S = 5, 0.4


def time_alone(function: Callable[..., Any], operation: Operation, pass_: str) -> float:
    """Least time of a call on random operands; infinite if it fails."""
    operands = _operands(operation)
    floating = tuple(n for n, x in enumerate(operands) if jnp.issubdtype(x.dtype, jnp.floating))

    def train(cotangent: jax.Array, *given: jax.Array) -> Any:
        moving = [given[n] for n in floating]

        def of_moving(*moved: jax.Array) -> jax.Array:
            full = list(given)
            for place, value in zip(floating, moved, strict=True):
                full[place] = value
            outputs: jax.Array = function(*full)
            return outputs

        outputs, pull = jax.vjp(of_moving, *moving)
        return outputs, pull(cotangent)

    try:
        shape = jax.eval_shape(function, *operands)
        drawn = _normal(np.random.default_rng(_SEED + 1), shape.shape, shape.dtype)
        arguments = operands if pass_ == "forward" else (drawn, *operands)
        with cache.only(None):
            timed = jax.jit(function if pass_ == "forward" else train).lower(*arguments).compile()
        times: list[float] = []
        jax.block_until_ready(timed(*arguments))
        begun = time.monotonic()
        while len(times) < _CALLS and (not times or time.monotonic() - begun < _CALLS_S):
            start = time.perf_counter()
            jax.block_until_ready(timed(*arguments))
            times.append(time.perf_counter() - start)
        return min(times)
    except Exception:  # out of memory, or not compilable here: another one is chosen
        return float("inf")


def _operands(operation: Operation) -> tuple[jax.Array, ...]:
    rng = np.random.default_rng(_SEED)
    drawn = [_normal(rng, shape, operation.dtype) for shape in operation.shapes]
    if operation.kind == "attention" and operation.details.has_mask:
        drawn[-1] = jnp.ones(operation.shapes[-1], bool)
    return tuple(drawn)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    return jnp.asarray(rng.standard_normal(shape, np.float32), dtype)
