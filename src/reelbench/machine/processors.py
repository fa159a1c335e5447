"""CPU time of the processors that this process may use: busy, and stolen by the hypervisor."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

_STAT = Path("/proc/stat")
# Columns of a processor's line (proc_pid_stat(5)): user, nice, system, idle, iowait, irq, softirq,
# steal. The guests' columns that follow are part of user and nice.
_BUSY, _STEAL = (0, 1, 2, 5, 6), 7


@dataclass(frozen=True)
class Processors:
    """What processors have done since the machine started.

    Attributes:
        count: How many.
        busy_s: CPU time spent on any process or in the kernel, summed over them.
        steal_s: Time for which the hypervisor let them wait; None where that is not told.
    """

    count: int
    busy_s: float
    steal_s: float | None


def read(usable: Collection[int] | None = None, stat: Path = _STAT) -> Processors:
    """The processors that this process may use.

    Args:
        usable: Their numbers; by default, those of this process's affinity. All count where these
            are not told of one by one, as in containers that number theirs anew.
        stat: The kernel's counters; where there are none, psutil knows those of the whole machine.
    """
    if usable is None:
        affinity = getattr(os, "sched_getaffinity", None)
        usable = affinity(0) if affinity else ()
    each = _each(stat)
    if not each:
        return _whole_machine()
    # Lines go by number, not by place: processors that are off, as siblings often are, have none.
    chosen = [each[number] for number in usable if number in each]
    if not chosen or len(chosen) < len(usable):
        chosen = list(each.values())
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    stolen = [times[_STEAL] for times in chosen if len(times) > _STEAL]
    return Processors(
        count=len(chosen),
        busy_s=sum(times[column] for times in chosen for column in _BUSY) * tick_s,
        steal_s=sum(stolen) * tick_s if stolen else None,
    )


def _each(stat: Path) -> dict[int, list[int]]:
    found = {}
    try:
        for line in stat.read_text().splitlines():
            name, *times = line.split()
            if name[:3] == "cpu" and name[3:].isdecimal() and len(times) > max(_BUSY):
                found[int(name[3:])] = [int(time) for time in times]
    except (OSError, ValueError):
        return {}
    return found


def _whole_machine() -> Processors:
    each = psutil.cpu_times(percpu=True)
    names = ("user", "nice", "system", "irq", "softirq", "interrupt", "dpc")
    return Processors(
        count=len(each),
        busy_s=sum(getattr(cpu, name, 0.0) for cpu in each for name in names),
        steal_s=None,
    )
