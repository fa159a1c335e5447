"""Times whole calls: every output is waited for inside the call, and that is checked."""

from __future__ import annotations

import time
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
_FLOOR_CALLS = 2000


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
        self._program = program
        self._arguments = arguments
        self._carry = carry

    def __call__(self) -> Any:
        """Run the program and wait for every output."""
        outputs = wait(self._program(*self._arguments))
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
    iterations = max(1, round(_SHORTEST_ROUND_S / seconds_a_call))
    rounds = int(seconds / (seconds_a_call * iterations))
    return max(rounds, least), iterations


def empty_call_s() -> float:
    """Median time of a call that does next to nothing: the floor under every measurement."""
    x = jax.random.normal(jax.random.key(0), (1,))
    program = jax.jit(jnp.negative).lower(x).compile()
    call = Call(program, (x,))
    times = np.empty(_FLOOR_CALLS)
    for index in range(_FLOOR_CALLS):
        start = time.perf_counter()
        call()
        times[index] = time.perf_counter() - start
    return float(np.median(times))
