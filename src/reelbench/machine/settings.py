"""How this machine is set up where that changes times; nothing is ever set here."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import psutil

from reelbench.machine import cgroup

_SYS = Path("/sys")
# Switches of the clock's boost below devices/system/cpu, with what they hold while it is on.
_BOOST = {"intel_pstate/no_turbo": "0", "cpufreq/boost": "1"}


@dataclass(frozen=True)
class Settings:
    """The settings; what is unknown is empty or None.

    Attributes:
        cpus: Numbers of the CPUs that this process may use.
        one_a_core: The first of them on each core.
        nodes: NUMA nodes that they lie on.
        boost: The switch that would turn boost clocks off, below ``/sys/devices/system/cpu``; None
            where they are off already.
        huge_pages: Transparent huge pages: ``always``, ``madvise`` or ``never``.
        swap_used_bytes: Memory that is swapped out.
        memory_left_bytes: What the control group still leaves.
        battery_share: Charge of the battery that the machine runs from; None if it is plugged in.
    """

    cpus: tuple[int, ...] = ()
    one_a_core: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()
    boost: str | None = None
    huge_pages: str | None = None
    swap_used_bytes: int | None = None
    memory_left_bytes: int | None = None
    battery_share: float | None = None


def read(sys: Path = _SYS, usable: Collection[int] | None = None) -> Settings:
    """What this machine tells of its settings.

    Args:
        sys: Where the kernel tells of them.
        usable: Numbers of the CPUs that this process may use; by default, those of its affinity.
    """
    if usable is None:
        affinity = getattr(os, "sched_getaffinity", None)
        usable = affinity(0) if affinity else ()
    cpus, cpu = tuple(sorted(usable)), sys / "devices/system/cpu"
    huge_pages = re.search(r"\[(\w+)\]", _text(sys / "kernel/mm/transparent_hugepage/enabled"))
    return Settings(
        cpus=cpus,
        one_a_core=_one_a_core(cpus, cpu),
        nodes=_nodes(cpus, sys / "devices/system/node"),
        boost=next((name for name, on in _BOOST.items() if _text(cpu / name) == on), None),
        huge_pages=huge_pages[1] if huge_pages else None,
        swap_used_bytes=_swap_used(),
        memory_left_bytes=cgroup.memory_left(),
        battery_share=_battery_share(),
    )


def numbers(text: str) -> set[int]:
    """The numbers in the kernel's way of writing many, such as ``0-3,8``; none if it is no list."""
    found: set[int] = set()
    for part in text.split(",") if re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text) else ():
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def written(cpus: Collection[int]) -> str:
    """The other way round: numbers as taskset takes them."""
    runs: list[list[int]] = []
    for cpu in sorted(cpus):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)


def _one_a_core(cpus: tuple[int, ...], folder: Path) -> tuple[int, ...]:
    chosen: list[int] = []
    for cpu in cpus:
        siblings = numbers(_text(folder / f"cpu{cpu}" / "topology" / "thread_siblings_list"))
        if not siblings & set(chosen):
            chosen.append(cpu)
    return tuple(chosen)


def _nodes(cpus: tuple[int, ...], folder: Path) -> tuple[int, ...]:
    return tuple(
        sorted(
            int(node.name.removeprefix("node"))
            for node in folder.glob("node[0-9]*")
            if numbers(_text(node / "cpulist")) & set(cpus)
        )
    )


def _swap_used() -> int | None:
    try:
        with warnings.catch_warnings():
            # psutil warns where the kernel counts no pages in and out, which is not asked here.
            warnings.simplefilter("ignore")
            return int(psutil.swap_memory().used)
    except (OSError, RuntimeError, ValueError):
        return None


def _battery_share() -> float | None:
    ask = getattr(psutil, "sensors_battery", None)
    try:
        battery = ask() if ask else None
    except (OSError, RuntimeError, ValueError):
        return None
    return battery.percent / 100 if battery and battery.power_plugged is False else None


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
