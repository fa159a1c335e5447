"""Facts of NVIDIA GPUs, read with nvidia-smi; nothing is ever set."""

from __future__ import annotations

import functools
import math
import shutil
import subprocess

_QUERY = ("name", "memory.total", "driver_version", "power.limit", "clocks.sm")


def facts() -> dict[str, str | int | float | None]:
    """The accelerator facts, or nothing where there is no NVIDIA GPU or no nvidia-smi."""
    rows = _ask()
    if not rows:
        return {}
    names, memory, drivers, caps, clocks = (list(column) for column in zip(*rows, strict=True))
    mebibytes, clock_mhz = _number(memory[0]), _number(clocks[0])
    return {
        "accelerator": " + ".join(sorted(set(names))),
        "accelerator_count": len(rows),
        "accelerator_memory_bytes": None if mebibytes is None else int(mebibytes) * 2**20,
        "accelerator_driver": drivers[0],
        "accelerator_power_cap_w": _number(caps[0]),
        "accelerator_clock_hz": None if clock_mhz is None else clock_mhz * 1e6,
    }


@functools.cache
def _ask() -> list[list[str]]:
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    return [row for row in rows if len(row) == len(_QUERY)]


def _number(text: str) -> float | None:
    """The number in a cell; None for nvidia-smi's "[N/A]"."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
