"""What else the machine does while something is timed: other work, stolen time, throttling."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from reelbench.machine import awake, cgroup, nvidia_now, processors
from reelbench.machine.processors import Processors
from reelbench.results.schema import Health

# The kernel counts CPU time in steps of 10 ms a processor: below this, shares are mostly rounding.
_SHORTEST_S = 0.2


class Watch:
    """Watches from its making to `end`.

    Each of the two takes about a millisecond without a GPU, some 100 ms of nvidia-smi with one.

    Args:
        processes: Ids of the processes whose work is not others'; this one by default.
        gpus: Whether to look at NVIDIA GPUs too; what happens on one is no matter to work on CPUs.
    """

    def __init__(self, processes: Sequence[int] = (), *, gpus: bool = True) -> None:
        # What keeps the CPUs awake takes only what nobody else wants.
        self._processes = (*(processes or (os.getpid(),)), *awake.processes())
        self._gpus = nvidia_now.read() if gpus else []
        self._start = _read(self._processes)

    def end(self) -> Health:
        """What the machine did since."""
        end, start = _read(self._processes), self._start
        seconds = end.at - start.at
        known = seconds >= _SHORTEST_S

        def share(now: float | None, before: float | None, of: float) -> float | None:
            if now is None or before is None or not known:
                return None
            return min(max((now - before) / of, 0.0), 1.0)

        capacity = seconds * end.processors.count
        health = Health(
            seconds=seconds,
            others_share=share(end.others_s, start.others_s, capacity),
            steal_share=share(end.processors.steal_s, start.processors.steal_s, capacity),
            throttled_share=share(end.throttled_s, start.throttled_s, capacity),
            load_1m=_load(),
            clock_hz=_clock_hz(),
        )
        if not self._gpus:
            return health
        others = nvidia_now.neighbours(self._processes)
        return nvidia_now.add(health, self._gpus, nvidia_now.read(), others)


@dataclass(frozen=True)
class _Reading:
    at: float
    processors: Processors
    others_s: float | None
    throttled_s: float | None


def _read(processes: Sequence[int]) -> _Reading:
    busy = processors.read()
    used = [_used_s(pid) for pid in processes]
    known = [seconds for seconds in used if seconds is not None]
    return _Reading(
        at=time.monotonic(),
        processors=busy,
        # Without the time of one that has ended, its work would look like others'.
        others_s=busy.busy_s - sum(known) if len(known) == len(used) else None,
        throttled_s=cgroup.throttled_s(),
    )


def _used_s(pid: int) -> float | None:
    """CPU time of a process with all its threads, and of its children that have ended."""
    try:
        used = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return None
    children = getattr(used, "children_user", 0.0) + getattr(used, "children_system", 0.0)
    return used.user + used.system + children


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def _clock_hz() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (OSError, NotImplementedError, RuntimeError):
        return None
    return frequency.current * 1e6 if frequency and frequency.current > 0 else None
