"""Times whole calls: every output is waited for inside the call, and that is checked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reelbench.measure.failure import CaseFailure, from_runtime
from reelbench.results.outcome import Outcome
from reelbench.stats.warmup import settled

_MOST_WARMUP_CALLS = 50
# A round is at least this long, so that the clock's own resolution (some 50 ns) is far below it.
_SHORTEST_ROUND_S = 200e-6
# And so many rounds are plenty for any interval; more would only swell the files.
_MOST_ROUNDS = 1000
_FLOOR_CALLS = 2000
# About 0.2 s: blocks of four stretches, each long enough for the clock and short enough for what
# disturbs both loops alike.
_OVERHEAD_BLOCKS = 100
_OVERHEAD_CALLS = 100


def wait(outputs: Any) -> Any:
    """Return the outputs when every array in them is ready."""
    return jax.block_until_ready(outputs)


class Call:
    """One call of a compiled program on fixed arguments, as it is timed.

    Args:
        program: The compiled program.
        arguments: Its arguments. The first ``carry`` are replaced by the outputs of each call.
        carry: How many.
    """

    def __init__(self, program: Any, arguments: tuple[Any, ...], carry: int = 0) -> None:
        self.program = program
        self._arguments = arguments
        self._carry = carry

    def __call__(self) -> Any:
        """Run the program and wait for every output."""
        outputs = wait(self.program(*self._arguments))
        if self._carry:
            self._arguments = (*outputs[: self._carry], *self._arguments[self._carry :])
        return outputs


def first_outputs(call: Call) -> Any:
    """Make the first call; check that it returned only when every output was ready.

    Raises:
        CaseFailure: ``not_waited_for``, or the program failed while running.
    """
    try:
        outputs = call()
        late = [leaf for leaf in jax.tree.leaves(outputs) if not leaf.is_ready()]
        jax.block_until_ready(outputs)
    except Exception as error:  # the runtime's exceptions share no narrower public type
        raise from_runtime(error, "running") from error
    if late:
        raise CaseFailure(
            Outcome.NOT_WAITED_FOR,
            f"{len(late)} outputs, the first of shape {tuple(late[0].shape)}, were not ready when "
            "the call returned",
        )
    return outputs


def warm_up(call: Call, seconds: float) -> list[float]:
    """Call until the start-up transient is gone, at most for ``seconds``; return the times."""
    times: list[float] = []
    spent = 0.0
    while not settled(times) and len(times) < _MOST_WARMUP_CALLS and (spent < seconds or not times):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
        spent += times[-1]
    return times


def rounds_for(seconds_a_call: float, seconds: float, least: int) -> tuple[int, int]:
    """Rounds, and calls a round, that fill about ``seconds``.

    Args:
        seconds_a_call: Time of one call.
        seconds: Time for all rounds together.
        least: Fewest rounds.
    """
    shortest = max(_SHORTEST_ROUND_S, seconds / _MOST_ROUNDS)
    iterations = max(1, round(shortest / seconds_a_call))
    rounds = int(seconds / (seconds_a_call * iterations))
    return max(rounds, least), iterations


def rounds_within(call: Callable[[], Any], seconds: float) -> list[float]:
    """Times of as many calls as begin within ``seconds``, one at least."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end or not times:
        call()
        times.append(time.perf_counter() - start)
    return times


def time_rounds(
    call: Callable[[], Any],
    rounds: int,
    iterations: int,
    timer: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Seconds a call of each of so many rounds of so many calls, as pytest-benchmark times them."""
    times = []
    calls = range(iterations)
    for _ in range(rounds):
        start = timer()
        for _ in calls:
            call()
        times.append((timer() - start) / iterations)
    return times


def empty_call_s() -> float:
    """Median time of a call that does next to nothing: the floor under every measurement."""
    return float(np.median(time_rounds(empty_call(), _FLOOR_CALLS, 1)))


def empty_call() -> Call:
    """A call of a program that does next to nothing."""
    return Call(*_empty())


def overhead_s() -> float:
    """What our call and our loop add to a call beyond a bare loop that waits for its outputs.

    Both loops time the empty call in turns (bare, ours, ours, bare), so that what rises or falls
    steadily cancels; the median of many such blocks leaves out those that were interrupted.
    """
    program, arguments = _empty()
    call = Call(program, arguments)
    (x,) = arguments

    def bare() -> float:
        start = time.perf_counter()
        for _ in range(_OVERHEAD_CALLS):
            jax.block_until_ready(program(x))
        return (time.perf_counter() - start) / _OVERHEAD_CALLS

    def ours() -> float:
        return time_rounds(call, 1, _OVERHEAD_CALLS, time.perf_counter)[0]

    differences = np.empty(_OVERHEAD_BLOCKS)
    for index in range(_OVERHEAD_BLOCKS):
        first, second, third, fourth = bare(), ours(), ours(), bare()
        differences[index] = (second + third - first - fourth) / 2
    return float(np.median(differences))


def _empty() -> tuple[Any, tuple[Any, ...]]:
    """A program that does next to nothing, and its argument."""
    x = jax.random.normal(jax.random.key(0), (1,))
    return jax.jit(jnp.negative).lower(x).compile(), (x,)
