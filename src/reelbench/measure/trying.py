"""Times the implementations of an operation alone, in turns, on random operands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reelbench.implementations import Operation, affine, broadcasts, plain, products
from reelbench.machine import libraries
from reelbench.measure import cache

if TYPE_CHECKING:
    from jaxtyping import Array, Float

_SEED = 20_260_103
# Calls after the first, and the time for one contender after which no further turn is begun; but a
# few at least of what is not slow.
_CALLS, _CALLS_S = 5, 0.4
_FEWEST, _SLOW_S = 3, 1.0
# Times the fastest, beyond which one is not called again.
_HOPELESS = 8.0
# Channels of a group, the first that fits.
_GROUP = (16, 8, 4, 2, 1)
# Of a loop; more than a compiler would write out.
_TURNS = 3


@dataclass(frozen=True)
class Way:
    """One way to compute an operation.

    Attributes:
        function: Of its operands in the canonical layout.
        library: What XLA may call in its program, see `reelbench.machine.libraries`.
    """

    function: Callable[..., Any]
    library: str = ""


def time_in_turns(
    ways: Mapping[str, Way],
    operation: Operation,
    pass_: str,
    *,
    in_loop: bool = False,
    end: float = float("inf"),
) -> dict[str, float]:
    """Least time of a call of each on random operands; infinite if it fails.

    They are called in turns: on a machine with other tenants one minute is slower than the next,
    and what met the slow one alone would be passed over for good.

    Args:
        ways: By name, what computes it.
        operation: The operation.
        pass_: ``forward``, or ``train`` for its gradients too.
        in_loop: Whether it is called by a loop of the program, as in a recurrence. Compilers treat
            that in another way: a convolution may be many times slower there.
        end: Of `time.monotonic`, after which no further one is tried; what was not is left out.
    """
    operands = _operands(operation)
    if in_loop:
        operands = jnp.stack([operands[0]] * _TURNS), *operands[1:]
    times: dict[str, list[float]] = {}
    calls: dict[str, Callable[[], float]] = {}
    for name, way in ways.items():
        if time.monotonic() >= end:
            break
        times[name] = []
        try:
            call = _call(way, operation, pass_, operands, in_loop=in_loop)
            # The first call may wait for memory that later ones have.
            call()
            times[name].append(call())
        except Exception:  # out of memory, or not compilable here: another one is chosen
            continue
        calls[name] = call
    begun = time.monotonic()
    for turn in range(1, _CALLS):
        spent = time.monotonic() - begun
        for name, call in list(calls.items()):
            known = times[name]
            enough = _CALLS_S * len(calls) if turn >= _FEWEST or known[-1] >= _SLOW_S else None
            hopeless = min(known) > _HOPELESS * min(min(times[each]) for each in calls)
            if hopeless or (enough is not None and spent >= enough):
                continue
            try:
                known.append(call())
            except Exception:  # out of memory after all
                known.clear()
                del calls[name]
    turns = _TURNS if in_loop else 1
    return {name: min(each, default=float("inf")) / turns for name, each in times.items()}


def _call(
    way: Way,
    operation: Operation,
    pass_: str,
    operands: tuple[jax.Array, ...],
    *,
    in_loop: bool,
) -> Callable[[], float]:
    """Compiled for the operands; a call gives the seconds it took."""
    function = way.function
    if operation.kind == broadcasts.KIND:
        function = _norm(None if function is plain(operation) else function)
    if operation.kind == affine.KIND:
        function = _group_norm(function, operation.details)
    if operation.kind == products.KIND:
        function = _activated(None if function is plain(operation) else function)
    if in_loop:
        function = _turns(function)
    floating = tuple(n for n, x in enumerate(operands) if jnp.issubdtype(x.dtype, jnp.floating))

    def train(*given: jax.Array) -> Any:
        moving = [given[n] for n in floating]

        def of_moving(*moved: jax.Array) -> jax.Array:
            full = list(given)
            for place, value in zip(floating, moved, strict=True):
                full[place] = value
            outputs: jax.Array = function(*full)
            return outputs

        outputs, pull = jax.vjp(of_moving, *moving)
        return outputs, pull(outputs)

    with cache.only(None):
        lowered = jax.jit(function if pass_ == "forward" else train).lower(*operands)
        timed = lowered.compile(compiler_options=libraries.options(way.library) or None)

    def call() -> float:
        start = time.perf_counter()
        jax.block_until_ready(timed(*operands))
        return time.perf_counter() - start

    return call


def _norm(spread: Callable[..., Any] | None) -> Callable[..., Any]:
    """Broadcasts where most stand: mean, deviation, scale and bias of a norm over a batch of one.

    Alone their gradients are sums that any form computes fast. So are those of a plain form that
    is written out as large arrays, but users leave that to the arithmetic, whose sums are slower.

    Args:
        spread: What spreads a column and a row over a matrix; None to leave it to the arithmetic.
    """

    def beside(
        column: Float[Array, "1 rows 1"], row: Float[Array, " c"], x: Float[Array, "1 rows c"]
    ) -> tuple[jax.Array, jax.Array]:
        if spread is None:
            return column, row
        of_column, of_row = spread(column.reshape(-1), row)
        return of_column.reshape(x.shape), of_row.reshape(x.shape)

    def run(row: Float[Array, " c"], x: Float[Array, "1 rows c"]) -> Float[Array, "1 rows c"]:
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        mean = wide.mean(-1, keepdims=True)
        variance = jnp.square(wide).mean(-1, keepdims=True) - jnp.square(mean)
        centre, scale = beside(mean.astype(x.dtype), row, x)
        deviation, bias = beside(lax.rsqrt(variance + 1e-6).astype(x.dtype), row, x)
        made: jax.Array = (x - centre) * (deviation * scale) + bias
        return made

    return run


def _group_norm(chain: Callable[..., Any], steps: tuple[str, ...]) -> Callable[..., Any]:
    """A chain where most stand: at the end of a norm, whose statistics are among its vectors."""

    def run(x: jax.Array, *vectors: jax.Array) -> jax.Array:
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        batch, rows, channels = x.shape
        inner = next(each for each in _GROUP if channels % each == 0)
        grouped = wide.reshape(batch, rows, channels // inner, inner)
        mean = grouped.mean((1, 3))
        variance = jnp.square(grouped).mean((1, 3)) - jnp.square(mean)
        centre, deviation = (
            jnp.repeat(each, inner, 1).astype(x.dtype)
            for each in (mean, lax.rsqrt(jnp.abs(variance) + 1e-6))
        )
        given = list(vectors)
        for place, step in enumerate(steps):
            given[place] += centre if step in ("add", "sub", "rsub") else deviation
        made: jax.Array = chain(x, *given)
        return made

    return run


def _activated(product: Callable[..., Any] | None) -> Callable[..., Any]:
    """A product where the dearest stand: in a layer whose output goes through a GELU.

    Alone its gradients are products that any form computes fast.

    Args:
        product: Of two matrices; None for a user's, whose positions stand in a batch of one.
    """

    def run(x: Float[Array, "rows k"], kernel: Float[Array, "k n"]) -> Float[Array, "1 rows n"]:
        made = jnp.matmul(x[None], kernel) if product is None else product(x, kernel)[None]
        return jax.nn.gelu(made, approximate=False)

    return run


def _turns(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function called in a loop over the first axis of its first operand."""

    def run(stacked: jax.Array, *rest: jax.Array) -> jax.Array:
        return lax.scan(lambda _, each: (None, function(each, *rest)), None, stacked)[1]

    return run


def _operands(operation: Operation) -> tuple[jax.Array, ...]:
    rng = np.random.default_rng(_SEED)
    drawn = [_normal(rng, shape, operation.dtype) for shape in operation.shapes]
    if operation.kind == "attention" and operation.details.has_mask:
        drawn[-1] = jnp.ones(operation.shapes[-1], bool)
    if operation.kind == broadcasts.KIND:
        (rows,), (features,) = operation.shapes
        drawn[0] = drawn[1]
        drawn[1] = _normal(rng, (1, rows, features), operation.dtype)
    return tuple(drawn)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    return jnp.asarray(rng.standard_normal(shape, np.float32), dtype)
