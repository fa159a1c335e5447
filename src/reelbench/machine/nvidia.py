"""Facts of NVIDIA GPUs, read with nvidia-smi; nothing is ever set."""

from __future__ import annotations

import functools
import math
import os
import re
import shutil
import subprocess
from collections.abc import Sequence

_QUERY = ("name", "memory.total", "driver_version", "power.limit", "clocks.sm")

# What CUDA was told to use, where nvidia-smi understands it too.
_VISIBLE = re.compile(r"(\d+|GPU-[0-9a-f-]+)(,(\d+|GPU-[0-9a-f-]+))*", re.IGNORECASE)


def facts() -> dict[str, str | int | float | None]:
    """The accelerator facts, or nothing where there is no NVIDIA GPU or no nvidia-smi."""
    rows = _ask()
    if not rows:
        return {}
    names, memory, drivers, caps, clocks = (list(column) for column in zip(*rows, strict=True))
    mebibytes, clock_mhz = number(memory[0]), number(clocks[0])
    return {
        "accelerator": " + ".join(sorted(set(names))),
        "accelerator_count": len(rows),
        "accelerator_memory_bytes": None if mebibytes is None else int(mebibytes) * 2**20,
        "accelerator_driver": drivers[0],
        "accelerator_power_cap_w": number(caps[0]),
        "accelerator_clock_hz": None if clock_mhz is None else clock_mhz * 1e6,
    }


def query(what: str, fields: Sequence[str]) -> list[list[str]] | None:
    """Rows of what nvidia-smi tells of the GPUs that CUDA may use; None where it does not answer.

    Args:
        what: ``gpu``, or ``compute-apps`` for the processes on them.
        fields: What to ask for. A driver that lacks one of them does not answer.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").replace(" ", "")
    chosen = [f"--id={visible}"] if _VISIBLE.fullmatch(visible) else []
    return _run(
        f"--query-{what}={','.join(fields)}", *chosen, "--format=csv,noheader,nounits", of=fields
    )


def hidden() -> bool:
    """Whether the environment keeps every GPU from CUDA: it reads a list up to the first wrong id.

    An empty list and one that begins with -1 are how GPUs are hidden on purpose.
    """
    return bool(re.match(r"\s*(-\d|$)", os.environ.get("CUDA_VISIBLE_DEVICES", "0")))


def slices() -> list[str]:
    """The slices (MIG) that GPUs are cut into, such as ``3g.40gb``; ids are left out."""
    lines = _run("--list-gpus") or []
    return [found[1] for (line,) in lines if (found := re.match(r"MIG (\S+)\s+Device", line))]


@functools.cache
def _ask() -> list[list[str]]:
    return _run(f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits", of=_QUERY) or []


def _run(*arguments: str, of: Sequence[str] = ()) -> list[list[str]] | None:
    """Rows of cells that nvidia-smi prints, one for each of the fields, or whole lines."""
    if shutil.which("nvidia-smi") is None:
        return None
    try:
        done = subprocess.run(
            ["nvidia-smi", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.splitlines()
    if not of:
        return [[line.strip()] for line in lines]
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    return [row for row in rows if len(row) == len(of)]


def number(text: str) -> float | None:
    """The number in a cell; None for nvidia-smi's "[N/A]"."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
