"""Rounds through pytest-benchmark's fixture, which makes them once, and any others like them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelbench.measure import clock


def timer_of(benchmark: Any) -> Callable[[Callable[[], Any], int, int], list[float]]:
    """A timer that goes through the fixture first, with the user's options of pytest-benchmark."""

    def time_rounds(call: Callable[[], Any], rounds: int, iterations: int) -> list[float]:
        used = benchmark.stats is not None
        if used:  # it may be used once: further rounds, and readings taken again, are ours
            return clock.time_rounds(call, rounds, iterations, benchmark.stats.options["timer"])
        benchmark.pedantic(call, rounds=rounds, iterations=iterations)
        return list(benchmark.stats.stats.data)

    return time_rounds


def keep_rounds(benchmark: Any, rounds_s: list[float]) -> None:
    """Let the fixture report these rounds: all that counted, and none that were disturbed."""
    benchmark.stats.stats.data[:] = rounds_s
