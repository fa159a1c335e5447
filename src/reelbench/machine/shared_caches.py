"""How many caches of a level the processors in use have among them: a large CPU has several."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")


def instances(level: int, usable: Collection[int] | None = None, cpus: Path = _CPUS) -> int:
    """Caches of a level, each counted once however many processors share it.

    Args:
        level: Such as 3.
        usable: The processors' numbers; by default, those of this process's affinity.
        cpus: The kernel's folder of them; one cache is assumed where it does not tell.
    """
    if usable is None:
        affinity = getattr(os, "sched_getaffinity", None)
        usable = affinity(0) if affinity else ()
    sharing = set()
    for number in usable:
        for index in (cpus / f"cpu{number}" / "cache").glob("index*"):
            try:
                if (index / "level").read_text().strip() == str(level):
                    sharing.add((index / "shared_cpu_list").read_text().strip())
            except OSError:
                continue
    return max(len(sharing), 1)
