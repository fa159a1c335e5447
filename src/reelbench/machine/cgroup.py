"""What the control group of this process allows it, CPUs by quota and memory, and what it cost."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def limits(
    root: Path = _ROOT, membership: Path = Path("/proc/self/cgroup")
) -> dict[str, float | int]:
    """The facts ``cgroup_cpus`` and ``cgroup_memory_bytes``, each only where a limit is set."""
    found: dict[str, float | int] = {}
    quotas = [quota for folder in _folders(root, membership) if (quota := _cpu_quota(folder))]
    if quotas:
        found["cgroup_cpus"] = min(quotas)
    sizes = [size for folder in _folders(root, membership) if (size := _memory_limit(folder))]
    if sizes:
        found["cgroup_memory_bytes"] = min(sizes)
    return found


def memory_left(root: Path = _ROOT, membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """Bytes that the tightest memory limit still leaves, or None where there is no limit."""
    left = []
    for folder in _folders(root, membership):
        limit = _memory_limit(folder)
        used = _number(folder / "memory.current")
        if used is None:
            used = _number(folder / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            left.append(max(limit - used, 0))
    return min(left, default=None)


def throttled_s(root: Path = _ROOT, membership: Path = Path("/proc/self/cgroup")) -> float | None:
    """Time for which quotas have stopped the group so far, summed over its CPUs; None if unknown.

    Each group up to the root counts only the time for which its own quota stopped it.
    """
    told = [_throttled_s(folder) for folder in dict.fromkeys(_folders(root, membership))]
    known = [seconds for seconds in told if seconds is not None]
    return sum(known) if known else None


def _folders(root: Path, membership: Path) -> list[Path]:
    """The group's folder and its ancestors, whose limits hold too; version 1 and 2 layouts."""
    folders = [root, root / "memory", root / "cpu"]
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = line.split(":", 2)
        base = root / controllers if controllers else root
        parts = [part for part in path.split("/") if part not in ("", "..")]
        folders += [base.joinpath(*parts[: n + 1]) for n in range(len(parts))]
    return folders


def _cpu_quota(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        quota = str(_number(folder / "cpu.cfs_quota_us") or "max")
        period = str(_number(folder / "cpu.cfs_period_us") or 100_000)
    if quota == "max" or int(quota) <= 0:
        return None
    return int(quota) / int(period)


def _throttled_s(folder: Path) -> float | None:
    try:
        lines = (folder / "cpu.stat").read_text().splitlines()
        told = {name: int(value) for name, value in (line.split() for line in lines)}
    except (OSError, ValueError):
        return None
    if "throttled_usec" in told:
        return told["throttled_usec"] / 1e6
    return told["throttled_time"] / 1e9 if "throttled_time" in told else None


def _memory_limit(folder: Path) -> int | None:
    limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
    # Version 1 writes "no limit" as the largest page-aligned 64-bit number.
    return limit if limit and limit < 2**60 else None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
