"""Takes readings again that something else on the machine disturbed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import median

from reelbench.machine import backend
from reelbench.machine.disturbances import disturbances
from reelbench.machine.health import Watch
from reelbench.results.schema import Health

_MOST_RETRIES = 2
# What comes and goes within a second is waited for.
_PAUSES_S = (0.2, 0.4, 0.8)


@dataclass(frozen=True)
class Reading:
    """The rounds of one reading, and what the machine did meanwhile.

    Attributes:
        rounds_s: Times of the rounds.
        health: The machine during the rounds.
        disturbed: What disturbed them, each as ``what: how much``; empty if nothing did.
        retries: How many readings were disturbed and taken again.
    """

    rounds_s: list[float]
    health: Health | None = None
    disturbed: list[str] = field(default_factory=list)
    retries: int = 0


def read_undisturbed(take: Callable[[], list[float]], time_left_s: float) -> Reading:
    """Take a reading; again if it was disturbed and time allows, at most twice.

    Of readings that were all disturbed the one with the smallest median stays, marked.

    Args:
        take: Makes the rounds; called once for each reading.
        time_left_s: Time for all readings together.
    """
    end = time.monotonic() + time_left_s
    best: Reading | None = None
    for retries in range(_MOST_RETRIES + 1):
        started = time.monotonic()
        watch = Watch(gpus=backend.is_accelerator())
        rounds_s = take()
        health = watch.end()
        took = time.monotonic() - started
        disturbed = [str(each) for each in disturbances(health)]
        if not disturbed:
            return Reading(rounds_s, health, [], retries)
        if best is None or median(rounds_s) < median(best.rounds_s):
            best = Reading(rounds_s, health, disturbed, retries)
        pause = _PAUSES_S[retries]
        if retries == _MOST_RETRIES or time.monotonic() + pause + took > end:
            return replace(best, retries=retries)
        time.sleep(pause)
    raise AssertionError("the last turn returns")
