"""What the harness itself adds to a call: ``pytest --benchmark-only bench/harness.py``.

The same empty program goes through `measure()` and through a bare loop that does nothing but wait
for its output; the difference of the two medians is the overhead a call. Not collected unless it is
named. Every result file carries the same figure, taken in turns within one process, as
``overhead_s``.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

_CALLS = 1000


def _argument() -> jax.Array:
    return jax.random.normal(jax.random.key(0), (2,))


def test_through_the_harness(measure):
    measure(jnp.negative, _argument(), passes=("forward",))


def test_bare_loop_of_1000_calls(benchmark):
    x = _argument()
    program = jax.jit(jnp.negative).lower(x).compile()

    def loop():
        for _ in range(_CALLS):
            jax.block_until_ready(program(x))

    benchmark.extra_info["calls"] = _CALLS
    benchmark.pedantic(loop, rounds=200, warmup_rounds=20)
