"""How many other processes are at work; which they are is nobody's business."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psutil

# What takes less of one CPU is the desktop, or a shell.
_LEAST_SHARE = 0.05

Times = Mapping[tuple[int, float], float]


def times() -> Times:
    """CPU time of every other process that can be seen, by its id and when it started."""
    found = {}
    for process in psutil.process_iter(["create_time", "cpu_times"]):
        used = process.info["cpu_times"]
        if process.pid != os.getpid() and used:
            found[process.pid, process.info["create_time"]] = used.user + used.system
    return found


def busy(before: Times, after: Times, seconds: float) -> int:
    """How many took a share of a CPU that counts."""
    taken = (used - before.get(process, 0.0) for process, used in after.items())
    return sum(each > _LEAST_SHARE * seconds for each in taken)
