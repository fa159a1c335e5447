"""Collects the facts of this machine that can be had without JAX.

No host name, user name, serial number or path is collected; a path inside an environment variable
is replaced before it is stored.
"""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import re
from pathlib import Path

import psutil

from reelbench.machine import awake, cgroup, nvidia

Fact = str | int | float | bool | None

# The instruction sets that decide how fast vector code can be.
_VECTOR_FEATURES = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "amx_int8", "asimd", "asimdhp", "sve",
    "sve2", "bf16", "i8mm",
)  # fmt: skip

# Environment variables that change how fast JAX runs.
_SETTINGS = re.compile(
    r"^(JAX_|XLA_|OMP_|MKL_|NVIDIA_TF32_OVERRIDE$|TF_(XLA|CUDNN|FORCE|ENABLE)_|MALLOC_|"
    r"GLIBC_TUNABLES$|NPROC$)"
)
_ADDRESSES = re.compile(r"ADDR|HOST")  # of other machines, such as JAX_COORDINATOR_ADDRESS

# A result file takes texts of up to 4000 characters.
_LONGEST = 2000

_URL = r"\b[a-zA-Z][a-zA-Z0-9+.-]*://\S*"
_QUOTED_PATH = r"(?<=[\"'])(?:~|\.{0,2}/)[^\"']*(?=[\"'])"
_PATH = r"(?<![\w.])(?:~|\.{0,2}/)[^\s,;:=\"'{}()<>]*"
_SPACED_PATH = r"(?<![\w.])(?:~|\.{0,2}/)[^,;:=]*"

_PACKAGES = {
    "jax": "jax",
    "jaxlib": "jaxlib",
    "flax": "flax",
    "optax": "optax",
    "numpy": "numpy",
    "pytest_benchmark": "pytest-benchmark",
    "reelbench": "reelbench",
}


def collect() -> dict[str, Fact]:
    """Facts by the names of `reelbench.machine.fields`; what cannot be known is left out."""
    facts: dict[str, Fact] = {}
    for part in (_processor, _memory, _software, _settings, cgroup.limits, nvidia.facts, _volatile):
        facts.update(part())
    return {name: value for name, value in facts.items() if value is not None}


def _processor() -> dict[str, Fact]:
    info = _proc_cpuinfo()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    signature = [info.get(key) for key in ("vendor_id", "cpu family", "model", "stepping")]
    if not any(signature):
        signature = [info.get(key) for key in ("CPU implementer", "CPU variant", "CPU part")]
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "architecture": platform.machine(),
        "system": platform.system(),
        "cpu_model": info.get("model name") or platform.processor() or platform.machine(),
        "cpu_signature": "/".join(part for part in signature if part) or None,
        "cpu_cores": psutil.cpu_count(logical=False),
        "cpu_threads": psutil.cpu_count(logical=True),
        "cpu_features": " ".join(name for name in _VECTOR_FEATURES if name in flags) or None,
        "cpu_l2_bytes": _cache_bytes("2"),
        "cpu_l3_bytes": _cache_bytes("3"),
        "cpus_usable": len(affinity(0)) if affinity else os.cpu_count(),
    }


def _proc_cpuinfo() -> dict[str, str]:
    """The first processor's entries of /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}


def _cache_bytes(level: str) -> int | None:
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            if (index / "level").read_text().strip() != level:
                continue
            size = re.fullmatch(r"(\d+)([KM])", (index / "size").read_text().strip())
        except OSError:
            continue
        if size:
            return int(size[1]) * {"K": 2**10, "M": 2**20}[size[2]]
    return None


def _memory() -> dict[str, Fact]:
    # Rounded up: the kernel's own share of the memory changes with its version.
    return {"memory_bytes": math.ceil(psutil.virtual_memory().total / 2**30) * 2**30}


def _software() -> dict[str, Fact]:
    facts: dict[str, Fact] = {"kernel": platform.release(), "python": platform.python_version()}
    for name, package in _PACKAGES.items():
        try:
            facts[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return facts


def _settings() -> dict[str, Fact]:
    names = sorted(
        name
        for name in os.environ
        if _SETTINGS.match(name) and name != "XLA_FLAGS" and not _ADDRESSES.search(name)
    )
    visible = [n for n in ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES") if n in os.environ]
    settings = (f"{n}={without_paths(_variable(n), spaced=True)}" for n in names)
    # The id of a GPU is a serial number: it names one specimen.
    devices = (f"{n}={re.sub(r'(GPU|MIG)-[^ ,]+', r'<id>', _variable(n))}" for n in visible)
    return {
        "xla_flags": without_paths(_variable("XLA_FLAGS"))[:_LONGEST],
        "environment": " ".join(settings)[:_LONGEST],
        "allocator": without_paths(_variable("LD_PRELOAD"))[:_LONGEST] or "default",
        "visible_devices": " ".join(devices)[:200] or None,
        "cpus_kept_awake": len(awake.processes()) or None,
    }


def _variable(name: str) -> str:
    """An environment variable as text that can be stored, whatever its bytes."""
    return os.environ.get(name, "").encode(errors="replace").decode()


def without_paths(text: str, *, spaced: bool = False) -> str:
    """The text with every absolute or home path, and every URL, replaced by ``<path>/``.

    A file's name (a last part with a suffix) stays, since it tells which library is loaded; that
    of a folder does not, since it may be a user's. ``spaced`` says that the text is one value, in
    which a blank is a part of a path and not its end.
    """
    pattern = "|".join((_URL, _QUOTED_PATH, _SPACED_PATH if spaced else _PATH))
    return re.sub(pattern, lambda found: f"<path>/{_file_name(found[0])}", text)


def _file_name(path: str) -> str:
    folder, _, last = path.rpartition("/")
    in_homes = folder in ("", "/home", "/Users") or "://" in path
    return last if "." in last.strip(".") and not in_homes else ""


def _volatile() -> dict[str, Fact]:
    facts: dict[str, Fact] = {"memory_available_bytes": psutil.virtual_memory().available}
    if hasattr(os, "getloadavg"):
        facts["load_1m"] = round(os.getloadavg()[0], 2)
    try:
        clock = psutil.cpu_freq()
    except (OSError, NotImplementedError, RuntimeError):
        clock = None
    facts["cpu_clock_hz"] = clock.current * 1e6 if clock and clock.current else None
    try:
        governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text()
        facts["cpu_governor"] = governor.strip()
    except OSError:
        pass
    return facts
