"""How much slower the CPUs are after a pause."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import jax
import jax.numpy as jnp

_SIDE = 768  # a product of some milliseconds on two CPUs, small enough for any machine
_PAUSE_S = 0.1
_PAUSES = 9
# Long enough for a host that put two CPUs on one core to put them apart again.
_STEADY_S = 0.3


def slowed_by_pauses() -> float:
    """Time of a matrix product after a pause of 100 ms over that without one, both medians.

    What makes it more than 1 is told in `reelbench.machine.awake`; slow clocks after a pause do it
    too.
    """
    left = jnp.ones((_SIDE, _SIDE))
    product = jax.jit(jnp.matmul).lower(left, left).compile()

    def call_s() -> float:
        start = time.perf_counter()
        jax.block_until_ready(product(left, left))
        return time.perf_counter() - start

    def after_pause_s() -> float:
        time.sleep(_PAUSE_S)
        return call_s()

    call_s()
    paused = [after_pause_s() for _ in range(_PAUSES)]
    _repeat(call_s, _STEADY_S)
    return median(paused) / median(_repeat(call_s, _STEADY_S))


def _repeat(call_s: Callable[[], float], seconds: float) -> list[float]:
    end = time.monotonic() + seconds
    times = [call_s()]
    while time.monotonic() < end:
        times.append(call_s())
    return times
