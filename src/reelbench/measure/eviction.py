"""Calls that find nothing of theirs in the caches, as a layer does amid a model.

A small layer called again and again finds its parameters and activations in the caches. In a step
of a model the other layers have run meanwhile. So some calls are timed after everything has been
pushed out of the caches, as nvbench and Triton's ``do_bench`` do before each of theirs.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp

from reelbench.machine import backend, facts, shared_caches
from reelbench.measure import clock

ROUNDS = 5
"""Calls that are timed so."""
# Beyond so many times what emptying takes, filling the caches anew is no part of a call that a
# measurement shows.
_LONG = 50
_FLOOR_CALLS = 30
# Twice the caches, as what is replaced is not always the oldest.
_TIMES = 2
# Level 2 on the largest accelerators known (256 MiB); it cannot be asked for through JAX.
_ACCELERATOR_BYTES = 2**28
# Of a CPU that does not say; and at most, so that it takes little of a small machine's memory even
# where a virtual one names the caches of its host.
_UNKNOWN_BYTES, _MOST_BYTES = 2**26, 2**28


def cold_rounds(call: Callable[[], Any], seconds: float, time_left_s: float) -> list[float]:
    """Seconds of single calls, each after the caches were emptied.

    Args:
        call: What to time; waits for its outputs.
        seconds: What it takes when repeated.
        time_left_s: Nothing is timed that would take longer.

    Returns:
        Of each such call; empty where a call is so long that it would not show, or without time.
    """
    evictor = _evictor()
    if seconds > _LONG * evictor.seconds or ROUNDS * (seconds + evictor.seconds) > time_left_s:
        return []
    return [_cold(call, evictor) for _ in range(ROUNDS)]


def _cold(call: Callable[[], Any], evictor: _Evictor) -> float:
    evictor.evict()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def cold_empty_call_s() -> float:
    """Median time of an empty call after the caches were emptied.

    The program that starts calls, and what it knows of this one, have to be fetched too.
    """
    call, evictor = clock.empty_call(), _evictor()
    call()
    return median(_cold(call, evictor) for _ in range(_FLOOR_CALLS))


@dataclass
class _Evictor:
    """Pushes everything else out of the caches.

    Attributes:
        seconds: What that takes.
    """

    program: Callable[[jax.Array], jax.Array]
    held: jax.Array
    seconds: float = 0.0

    def evict(self) -> None:
        # Reads and writes in place, on all cores: each has a cache of its own.
        self.held = jax.block_until_ready(self.program(self.held))


@functools.cache
def _evictor() -> _Evictor:
    count = _TIMES * _cache_bytes() // 4
    program = jax.jit(jnp.negative, donate_argnums=0)
    made = _Evictor(program, jnp.ones((count,), jnp.float32))
    made.evict()
    start = time.perf_counter()
    made.evict()
    made.seconds = time.perf_counter() - start
    return made


def _cache_bytes() -> int:
    """Of all caches that the cores in use have."""
    if backend.is_accelerator():
        return _ACCELERATOR_BYTES
    known = facts.collect()
    own, cores = known.get("cpu_l2_bytes"), known.get("cpus_usable")
    shared = known.get("cpu_l3_bytes")
    if not isinstance(own, int) or not isinstance(cores, int):
        return _UNKNOWN_BYTES
    every = shared * shared_caches.instances(3) if isinstance(shared, int) else 0
    return min(every + own * cores, _MOST_BYTES)
