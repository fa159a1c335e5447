"""The protocol: build, compile, fit, verify, warm up, time one workload."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from reelbench.machine import backend
from reelbench.measure import cache, clock, device, disturbance, eviction, verify
from reelbench.measure.compiling import Compiled, Traced, compile_, reload
from reelbench.measure.failure import CaseFailure, from_runtime
from reelbench.measure.workload import Workload
from reelbench.results.outcome import Outcome
from reelbench.results.schema import Replicate, Visit
from reelbench.stats.interval import median_interval
from reelbench.stats.stopping import rounds_needed
from reelbench.units import print_duration, print_time

# Version of this protocol. Timings made under different versions are not compared.
#   1: rounds were taken as they came, at least 0.2 ms each.
#   2: rounds are watched and taken again when disturbed, a thousand fill their time at most, and
#      intervals know that rounds are not independent: a median may come from other rounds, and its
#      interval is wider than version 1 would have made it.
PROTOCOL = 2

# When time runs out, so many rounds are still worth more than none.
_FEWEST_ROUNDS = 3
# However narrow an interval was asked for: beyond it, another process says more than more rounds.
MOST_ROUNDS = 4000
WARM_AGAIN_S = 0.05
"""Time for warming up a case that was timed before: its code and data only left the caches."""
# A profiler's trace is of so long a stretch, and of so many calls at most.
_TRACED_S = 0.2
_TRACED_CALLS = 50

# Runs the call so often, in rounds of so many, and returns the time of each round a call.
Timer = Callable[[Callable[[], Any], int, int], list[float]]


@dataclass(frozen=True)
class Effort:
    """How much a case is timed.

    Attributes:
        max_time_s: Time for the rounds together.
        min_rounds: Fewest rounds where time allows.
        width: Relative half-width of the interval at which rounds may end, or None to make those
            that fill ``max_time_s`` and no more.
        most_s: Time after which they end with a wider one.
    """

    max_time_s: float
    min_rounds: int
    width: float | None = None
    most_s: float = 0.0


def prepare(traced: Traced, place: cache.Place | None = None) -> tuple[Compiled, clock.Call]:
    """Compile, build the arguments, and check everything that can be checked before timing.

    Args:
        traced: The workload.
        place: Where the programs are kept for later processes, if there will be any.

    Raises:
        CaseFailure: The case cannot or must not be timed.
    """
    if place:
        place.clear()
    compiled = compile_(traced, place.program if place else None)
    compiled = replace(compiled, doubts=tuple(verify.work_stays(compiled)))
    workload = traced.workload
    arguments = _make(workload, place)
    verify.data(compiled, arguments)
    call = clock.Call(compiled.program, arguments, workload.carry)
    if workload.carry:
        arguments = ()  # donated: the call holds what replaces them
    outputs = clock.first_outputs(call)
    verify.outputs(compiled, outputs, arguments)
    return compiled, call


def prepare_again(workload: Workload, sha256: str, place: cache.Place) -> tuple[clock.Call, bool]:
    """Load the program that the first process checked, and look at its outputs once more.

    Args:
        workload: What it does.
        sha256: Hash of the program.
        place: Where the first process kept it.

    Returns:
        The call, and whether its program was loaded instead of compiled.

    Raises:
        CaseFailure: It cannot be timed here, or is another program.
    """
    program, loaded = reload(workload, sha256, place.program)
    call = clock.Call(program, _make(workload, place), workload.carry)
    verify.finite(clock.first_outputs(call))
    return call, loaded


def _make(workload: Workload, place: cache.Place | None) -> tuple[Any, ...]:
    try:
        with cache.only(place.inputs) if place else nullcontext():
            return workload.make()
    except Exception as error:  # the runtime's exceptions share no narrower public type
        raise from_runtime(error, "building the inputs") from error


def time_(
    call: clock.Call,
    timer: Timer,
    effort: Effort,
    *,
    process: str,
    order: int,
    time_left_s: float,
    cached: bool = False,
) -> tuple[Replicate, list[str]]:
    """Warm up and time; on an accelerator also ask a profiler for the device's own time.

    Args:
        call: What to time.
        timer: Makes the rounds; called again for further rounds, and to repeat disturbed ones.
        effort: How many.
        process: Id of this process.
        order: Position of the case in it.
        time_left_s: What is left of the budget.
        cached: Whether the program was loaded instead of compiled.

    Returns:
        The rounds, and what else a reader should know, each as ``what: how much``.

    Raises:
        CaseFailure: ``over_budget``: not even three rounds fit into what is left.
    """
    end = time.monotonic() + time_left_s
    warmup = clock.warm_up(call, effort.max_time_s / 2)
    seconds = min(warmup[-3:])
    affordable = int(time_left_s / seconds)
    if affordable < min(effort.min_rounds, _FEWEST_ROUNDS):
        raise CaseFailure(
            Outcome.OVER_BUDGET,
            f"a call takes {print_time(seconds)}, {_FEWEST_ROUNDS} rounds would take "
            f"{print_duration(seconds * _FEWEST_ROUNDS)}; {print_duration(max(time_left_s, 0.0))} "
            "of the budget left",
            call_s=seconds,
            time_left_s=time_left_s,
        )
    least = min(effort.min_rounds, affordable)
    rounds, iterations = clock.rounds_for(seconds, effort.max_time_s, least)

    def take() -> list[float]:
        started = time.monotonic()
        made = timer(call, rounds, iterations)
        if effort.width is not None:
            until = min(started + effort.most_s, end)
            _narrow(made, functools.partial(timer, call), iterations, effort.width, until)
        return made

    reading = disturbance.read_undisturbed(take, end - time.monotonic())
    cold = eviction.cold_rounds(call, seconds, end - time.monotonic())
    traced = None
    if backend.is_accelerator():
        calls = max(1, min(_TRACED_CALLS, int(_TRACED_S / seconds)))
        traced = device.device_time(call, calls, program=call.program)
    notes = []
    if traced and traced.seconds is None:
        notes.append(f"device time unknown: {traced.reason}")
    replicate = Replicate(
        process=process,
        order=order,
        iterations=iterations,
        warmup_s=warmup,
        rounds_s=reading.rounds_s,
        cold_s=cold,
        cached=cached,
        health=reading.health,
        disturbed=reading.disturbed,
        retries=reading.retries,
        device_s=traced.seconds if traced else None,
    )
    return replicate, notes


def time_again(
    call: clock.Call,
    timer: Timer,
    rounds: int,
    iterations: int,
    *,
    after_s: float,
    time_left_s: float,
) -> Visit:
    """Time a case again that the same process has timed before.

    Args:
        call: What to time.
        timer: Makes the rounds.
        rounds: How many.
        iterations: Calls a round, as before.
        after_s: Since the start of the first visit.
        time_left_s: What is left of the budget.
    """
    clock.warm_up(call, WARM_AGAIN_S)
    reading = disturbance.read_undisturbed(lambda: timer(call, rounds, iterations), time_left_s)
    return Visit(
        after_s=after_s,
        rounds_s=reading.rounds_s,
        disturbed=reading.disturbed,
        retries=reading.retries,
    )


def _narrow(
    made: list[float],
    timer: Callable[[int, int], list[float]],
    iterations: int,
    width: float,
    until: float,
) -> None:
    """Add rounds until the interval is narrow enough, or time or the use of rounds runs out."""
    while median_interval(made).relative_half_width > width:
        left_s = until - time.monotonic()
        # Half as many again at most: what is needed is itself estimated from these rounds.
        wanted = min(rounds_needed(made, width) - len(made), len(made) // 2)
        spent = iterations * sum(made) / len(made)
        affordable = min(int(left_s / spent), MOST_ROUNDS - len(made))
        if affordable < 1:
            return
        made += timer(min(max(wanted, 1), affordable), iterations)
