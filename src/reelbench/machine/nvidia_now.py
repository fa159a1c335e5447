"""What NVIDIA GPUs are doing now, read with nvidia-smi; nothing is ever set."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from msgspec import structs

from reelbench.machine import nvidia
from reelbench.results.schema import Health

# Bits of the reasons for a lower clock (nvml.h, nvmlClocksEventReasons), named as in nvidia-smi.
_IDLE = 0x1
_REASONS = {
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clocks_setting",
}
# Newer drivers also count the microseconds for which a reason held: a GPU is idle again when
# nvidia-smi comes to look, but its counters still tell what happened.
_COUNTED = ("sw_power_cap", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown")
_COUNTERS = tuple(f"clocks_event_reasons_counters.{name}" for name in _COUNTED)
# A reason that held for less of the time changed nothing that can be seen.
_LEAST_HELD_SHARE = 0.05

_ALWAYS = ("clocks.sm", "clocks.max.sm", "power.draw", "temperature.gpu")
# What can be asked depends on the driver; nvidia-smi refuses a query with a field it lacks.
_QUERIES = (
    (*_ALWAYS, "clocks_event_reasons.active", *_COUNTERS),
    (*_ALWAYS, "clocks_event_reasons.active"),
    (*_ALWAYS, "clocks_throttle_reasons.active"),
    _ALWAYS,
)
# The number of the first namespace of processes (Linux: include/uapi/linux/nsfs.h).
_FIRST_NAMESPACE = "pid:[4026531836]"


@dataclass(frozen=True)
class Gpu:
    """One GPU at one moment; None is unknown.

    Attributes:
        clock_share: Its clock over its maximum; unknown of an idle one, whose clock says nothing.
        power_w: Power drawn.
        temperature_c: Temperature in degrees Celsius.
        reasons: Why its clock is lower than it could be.
        held_s: Time for which each reason has held so far.
    """

    clock_share: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    reasons: frozenset[str] = frozenset()
    held_s: dict[str, float] = field(default_factory=dict)


def read() -> list[Gpu]:
    """The GPUs that this process may use; none where nvidia-smi does not answer."""
    if nvidia.hidden() or not nvidia.facts():
        return []
    for fields in _QUERIES:
        rows = nvidia.query("gpu", fields)
        if rows:
            return [_gpu(dict(zip(fields, row, strict=True))) for row in rows]
    return []


def neighbours(processes: Collection[int] = (), proc: Path = Path("/proc")) -> int | None:
    """Other processes that compute on the GPUs; None where nvidia-smi does not tell.

    This process, those that it started and those that started it are no neighbours. In a container
    nvidia-smi may number processes as the host does, so that none can be told from this one.

    Args:
        processes: Ids of further processes that are no neighbours.
        proc: Where the kernel tells of processes.
    """
    rows = nvidia.query("compute-apps", ("pid",))
    if rows is None:
        return None
    pids = {int(cell) for (cell,) in rows if cell.isdecimal()}
    this = psutil.Process()
    related = (process.pid for process in (*this.parents(), *this.children(True)))
    ours = {os.getpid(), *processes, *related}
    if pids and not ours & pids and not _in_first_namespace(proc):
        return None
    return len(pids - ours)


def add(health: Health, before: Sequence[Gpu], after: Sequence[Gpu], others: int | None) -> Health:
    """The health with what the GPUs showed before and after.

    Args:
        health: That of the rest of the machine.
        before: The GPUs at the start.
        after: The GPUs at the end, in the same order.
        others: Other processes on them.
    """
    seen = (*before, *after)
    shares = [gpu.clock_share for gpu in seen if gpu.clock_share is not None]
    powers = [gpu.power_w for gpu in after if gpu.power_w is not None]
    temperatures = [gpu.temperature_c for gpu in after if gpu.temperature_c is not None]
    reasons = {reason for gpu in seen for reason in gpu.reasons}
    for first, last in zip(before, after, strict=False):
        for reason, held_s in last.held_s.items():
            grown_s = held_s - first.held_s.get(reason, held_s)
            if grown_s > _LEAST_HELD_SHARE * health.seconds:
                reasons.add(reason)
    return structs.replace(
        health,
        accelerator_clock_share=min(shares, default=None),
        throttle_reasons=sorted(reasons),
        accelerator_power_w=sum(powers) if powers else None,
        accelerator_temperature_c=max(temperatures, default=None),
        neighbours=others,
    )


def _gpu(cells: dict[str, str]) -> Gpu:
    clock, most = nvidia.number(cells["clocks.sm"]), nvidia.number(cells["clocks.max.sm"])
    active = next((cells[name] for name in cells if name.endswith("reasons.active")), "")
    try:
        bits = int(active, 16)
    except ValueError:
        bits = 0
    # A GPU that has nothing to do is clocked down for that, whatever else is said of it.
    idle = bool(bits & _IDLE)
    held = {
        name: nvidia.number(cells.get(key, ""))
        for name, key in zip(_COUNTED, _COUNTERS, strict=True)
    }
    return Gpu(
        clock_share=clock / most if clock and most and not idle else None,
        power_w=nvidia.number(cells["power.draw"]),
        temperature_c=nvidia.number(cells["temperature.gpu"]),
        reasons=frozenset(name for bit, name in _REASONS.items() if bits & bit and not idle),
        held_s={name: value / 1e6 for name, value in held.items() if value is not None},
    )


def _in_first_namespace(proc: Path) -> bool:
    try:
        return str((proc / "self" / "ns" / "pid").readlink()) == _FIRST_NAMESPACE
    except OSError:
        return False
