"""The device that JAX computes on: its facts and the memory it has left."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

import jax
import psutil
from jax.extend.backend import clear_backends

from reelbench.machine import cgroup, libraries
from reelbench.machine.facts import Fact


def facts(known: Mapping[str, Fact]) -> dict[str, Fact]:
    """What JAX says of its device, beside the facts ``known`` without it."""
    device = jax.devices()[0]
    found: dict[str, Fact] = {
        "backend": device.platform,
        "backend_version": " ".join(device.client.platform_version.split())[:200],
        "matmul_precision": matmul_precision(),
        "x64": bool(setting("jax_enable_x64")),
        "xla_libraries": " ".join(libraries.available()) or None,
    }
    if device.platform != "cpu" and "accelerator" not in known:
        limit = (device.memory_stats() or {}).get("bytes_limit")
        found["accelerator"] = device.device_kind
        found["accelerator_count"] = jax.local_device_count()
        found["accelerator_memory_bytes"] = limit
    return {name: value for name, value in found.items() if value is not None}


def matmul_precision() -> str:
    """The matrix-multiply precision in force; ``default`` may mean TF32 on a GPU."""
    return str(setting("jax_default_matmul_precision") or "default")


def setting(name: str) -> Any:
    """A value of JAX's configuration, whose attributes are made at run time."""
    return getattr(jax.config, name)


def is_accelerator() -> bool:
    """Whether JAX computes on something other than the CPU."""
    return jax.default_backend() != "cpu"


def release() -> None:
    """Give the accelerator's memory back, for processes that are to use it after this one.

    Arrays that somebody still holds keep theirs.
    """
    if is_accelerator():
        gc.collect()
        jax.clear_caches()
        clear_backends()


def memory_left() -> int:
    """Bytes that a program can still take on the device, or in the host's memory on a CPU."""
    if is_accelerator():
        stats = jax.devices()[0].memory_stats() or {}
        if "bytes_limit" in stats:
            return int(stats["bytes_limit"]) - int(stats.get("bytes_in_use", 0))
    available = psutil.virtual_memory().available
    limited = cgroup.memory_left()
    return available if limited is None else min(available, limited)
