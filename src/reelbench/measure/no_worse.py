"""Sees to it that a layer at its best is no worse than as it is written."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from reelbench.measure.clock import Call
from reelbench.measure.failure import CaseFailure
from reelbench.results.outcome import Outcome
from reelbench.results.schema import Memory
from reelbench.units import print_bytes, print_time

DOES_NOT_FIT = (Outcome.WOULD_NOT_FIT, Outcome.OUT_OF_MEMORY)

# So much slower, or larger, is worse; less may be noise.
_MARGIN = 0.05
# Calls that decide, and the time after which no further one is begun.
_CALLS, _CALLS_S = 5, 0.4


@contextmanager
def fits_or_as_written() -> Iterator[None]:
    """What does not fit is no failure of a layer that may fit as it is written.

    Raises:
        CaseFailure: ``reference_is_best`` in place of ``would_not_fit`` and ``out_of_memory``.
    """
    try:
        yield
    except CaseFailure as failure:
        if failure.outcome not in DOES_NOT_FIT:
            raise
        reason = f"the fastest way for each operation does not fit: {failure.reason}"
        raise CaseFailure(Outcome.REFERENCE_IS_BEST, reason, **failure.numbers) from None


def more_memory(memory: Memory, written: Mapping[str, Any] | None) -> list[str]:
    """A warning where a layer needs more memory than as it is written.

    Args:
        memory: What it needs.
        written: The record of the layer as it is written, or None if there is none.
    """
    if written is None:
        return []
    plainly = written["memory"]["needed_bytes"]
    if memory.needed_bytes <= plainly * (1 + _MARGIN):
        return []
    both = print_bytes(memory.needed_bytes), print_bytes(plainly)
    return [f"more memory: {both[0]}, as it is written {both[1]}"]


def refuse_slower(call: Call, as_written_s: float | None, written: Callable[[], Call]) -> None:
    """Refuse a layer that is slower than as it is written, though each operation alone is faster.

    A compiler fuses what stands around an operation into one form and not into another, and what an
    operation finds in the cache when it is timed alone may not be there. A layer that seems slower
    is timed once more, in turns with itself as it is written: that was timed in another minute,
    which on a machine with other tenants may have been a faster one.

    Args:
        call: The layer with what was chosen; it has been called.
        as_written_s: Its time as it is written, in the same run, or None if that is not known.
        written: Gives the layer as it is written, called before; it may not fit beside the other.

    Raises:
        CaseFailure: ``reference_is_best``.
    """
    if as_written_s is None:
        return
    (found_s,) = _in_turns(call, at_least_s=2 * as_written_s)
    if found_s <= as_written_s * (1 + _MARGIN):
        return
    with suppress(CaseFailure):
        found_s, as_written_s = _in_turns(call, written(), at_least_s=4 * as_written_s)
    if found_s > as_written_s * (1 + _MARGIN):
        raise CaseFailure(
            Outcome.REFERENCE_IS_BEST,
            f"with the fastest way for each operation the layer takes {print_time(found_s)}, as it "
            f"is written {print_time(as_written_s)}",
            chosen_s=found_s,
            reference_s=as_written_s,
        )


def _in_turns(*calls: Call, at_least_s: float) -> list[float]:
    """Medians of a few calls of each, one of each in turn."""
    times: list[list[float]] = [[] for _ in calls]
    limit_s = len(calls) * max(_CALLS_S, at_least_s)
    while len(times[0]) < _CALLS and sum(map(sum, times)) < limit_s:
        for call, own in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            own.append(time.perf_counter() - start)
    return [statistics.median(each) for each in times]
