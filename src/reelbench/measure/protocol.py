"""The protocol: build, compile, fit, verify, warm up, time one workload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reelbench.measure import clock, verify
from reelbench.measure.compiling import Compiled, Traced, compile_
from reelbench.measure.failure import CaseFailure, from_runtime
from reelbench.results.outcome import Outcome
from reelbench.results.schema import Replicate
from reelbench.units import print_duration, print_time

# Version of this protocol. Timings made under different versions are not compared.
PROTOCOL = 1

# When time runs out, so many rounds are still worth more than none.
_FEWEST_ROUNDS = 3

# Runs the call so often, in rounds of so many, and returns the time of each round a call.
Timer = Callable[[Callable[[], Any], int, int], list[float]]


def prepare(traced: Traced) -> tuple[Compiled, clock.Call]:
    """Compile, build the arguments, and check everything that can be checked before timing.

    Raises:
        CaseFailure: The case cannot or must not be timed.
    """
    compiled = compile_(traced)
    verify.work_stays(compiled)
    workload = traced.workload
    try:
        arguments = workload.make()
    except Exception as error:  # the runtime's exceptions share no narrower public type
        raise from_runtime(error, "building the inputs") from error
    verify.data(compiled, arguments)
    call = clock.Call(compiled.program, arguments, workload.carry)
    if workload.carry:
        arguments = ()  # donated: the call holds what replaces them
    outputs = clock.first_outputs(call)
    verify.outputs(compiled, outputs, arguments)
    return compiled, call


def time_(
    call: clock.Call,
    timer: Timer,
    *,
    process: str,
    order: int,
    max_time_s: float,
    min_rounds: int,
    time_left_s: float,
) -> Replicate:
    """Warm up and time.

    Args:
        call: What to time.
        timer: Makes the rounds.
        process: Id of this process.
        order: Position of the case in it.
        max_time_s: Time for the rounds together.
        min_rounds: Fewest rounds where time allows.
        time_left_s: What is left of the budget.

    Raises:
        CaseFailure: ``over_budget``: not even three rounds fit into what is left.
    """
    warmup = clock.warm_up(call, max_time_s / 2)
    seconds = min(warmup[-3:])
    affordable = int(time_left_s / seconds)
    if affordable < min(min_rounds, _FEWEST_ROUNDS):
        raise CaseFailure(
            Outcome.OVER_BUDGET,
            f"a call takes {print_time(seconds)}, {_FEWEST_ROUNDS} rounds would take "
            f"{print_duration(seconds * _FEWEST_ROUNDS)}; {print_duration(max(time_left_s, 0.0))} "
            "of the budget left",
            call_s=seconds,
            time_left_s=time_left_s,
        )
    rounds, iterations = clock.rounds_for(seconds, max_time_s, min(min_rounds, affordable))
    return Replicate(
        process=process,
        order=order,
        iterations=iterations,
        warmup_s=warmup,
        rounds_s=timer(call, rounds, iterations),
    )
