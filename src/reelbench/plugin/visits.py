"""Comes back to cases that were timed, so that their intervals know what the machine does later.

The rounds of one visit are made within a second, and agree with each other whatever the machine
does from minute to minute. A case is therefore visited twice more, each time for a third as many
rounds: when a sixth of the budget has passed, or at the end of the run. Its program and arguments
are kept until then, where they are small beside the memory there is; what is too large is visited
once.

What is kept does not outlive the process. Before a case that may never return, for which the
process would have to be replaced, the others are visited too.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

import jax

from reelbench.machine import backend
from reelbench.measure import clock, protocol
from reelbench.plugin.budget import VISITS
from reelbench.results.schema import Replicate, Visit

# Share of the memory there is that all kept arguments may take together.
_ROOM = 1 / 8
# However narrow an interval was asked for: beyond them, another process says more.
_MOST_VISITS = 20
# A visit sooner after the last one would say little.
_EARLIEST_S = 15.0


@dataclass
class _Kept:
    """A case that can be visited again.

    Attributes:
        call: It is still what was timed.
        timer: Makes the rounds.
        first: Those of the first visit.
        bytes: Memory that keeping it takes.
        started: When the first visit started.
        last: When the latest visit ended.
        visits: How often it was visited.
    """

    call: clock.Call
    timer: protocol.Timer
    first: Replicate
    bytes: int
    started: float
    last: float
    visits: int = 1

    @property
    def rounds(self) -> int:
        """Rounds of a further visit."""
        return -(-len(self.first.rounds_s) // VISITS)

    @property
    def visit_s(self) -> float:
        """What a further visit takes."""
        call_s = fmean(self.first.rounds_s)
        return self.rounds * self.first.iterations * call_s + max(protocol.WARM_AGAIN_S, call_s)


class Visits:
    """The cases of a process that it can come back to."""

    def __init__(self, apart_s: float, *, narrows: bool) -> None:
        """Nothing is kept yet.

        Args:
            apart_s: Time between two visits, where the run does not end before.
            narrows: Whether intervals may need more visits than usual, to be as narrow as wanted.
        """
        self._apart_s = apart_s
        self._most = _MOST_VISITS if narrows else VISITS
        self._room = _ROOM * backend.memory_left()
        self._kept: dict[str, _Kept] = {}

    def affords(self, size: int) -> bool:
        """Whether there is room to keep a case whose arguments take so many bytes."""
        return sum(each.bytes for each in self._kept.values()) + size <= self._room

    def keep(
        self,
        name: str,
        call: clock.Call,
        timer: protocol.Timer,
        first: Replicate,
        *,
        size: int,
        took_s: float,
    ) -> None:
        """Keep a case that was just visited for the first time, to come back to it."""
        now = time.monotonic()
        self._kept[name] = _Kept(call, timer, first, size, now - took_s, now)

    def release(self) -> bool:
        """Let go of everything, as a case needs the room; whether there was anything."""
        held = bool(self._kept)
        self._kept.clear()
        return held

    @property
    def owed_s(self) -> float:
        """Time that the visits still to come will take."""
        return sum((VISITS - each.visits) * each.visit_s for each in self._owing().values())

    def visit_s(self, name: str) -> float:
        """Time that a further visit of a kept case takes."""
        return self._kept[name].visit_s

    def due(self) -> list[str]:
        """Names of the cases whose latest visit is long enough ago, that first which is longest."""
        return self._since(self._apart_s)

    def early(self) -> list[str]:
        """Names of the cases to visit before what is kept may be lost, likewise."""
        return self._since(_EARLIEST_S)

    def _since(self, seconds: float) -> list[str]:
        now = time.monotonic()
        due = {
            name: each.last for name, each in self._owing().items() if now - each.last >= seconds
        }
        return sorted(due, key=due.__getitem__)

    def rest(self) -> Iterator[str]:
        """Names of the cases that lack visits, in turns, each in an order drawn by lot."""
        while turn := list(self._owing()):
            yield from (name for name in random.sample(turn, len(turn)) if name in self._kept)

    @property
    def kept(self) -> set[str]:
        """Names of the cases that can be visited."""
        return set(self._kept)

    def visit(self, name: str, time_left_s: float, *, early: bool = False) -> Visit | None:
        """Time a kept case again; None where it no longer runs, and then it is kept no longer.

        Args:
            name: The case.
            time_left_s: What is left of the budget.
            early: Whether it comes before its time, and stands for none of those to come.
        """
        kept = self._kept[name]
        started = time.monotonic()
        try:
            made = protocol.time_again(
                kept.call,
                kept.timer,
                kept.rounds,
                kept.first.iterations,
                after_s=started - kept.started,
                time_left_s=time_left_s,
            )
        except jax.errors.JaxRuntimeError:  # no memory is left beside what came since
            del self._kept[name]
            return None
        kept.last = time.monotonic()
        kept.visits += not early
        if kept.visits >= self._most:
            self.give_up(name)
        return made

    def give_up(self, name: str) -> None:
        """Keep a case no longer."""
        del self._kept[name]

    def _owing(self) -> dict[str, _Kept]:
        return {name: each for name, each in self._kept.items() if each.visits < VISITS}
