"""What was found to be fastest on this machine, remembered from run to run.

A file in the user's cache, one a machine, keyed by the software that made the programs. It may be
deleted at any time; a damaged one is passed over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from reelbench.results.schema import Fact

# What decides which program is made of an operation, and how fast it runs.
_SOFTWARE = (
    "jax", "jaxlib", "backend", "backend_version", "accelerator_driver", "matmul_precision",
    "xla_flags", "environment", "cpus_usable", "cgroup_cpus", "reelbench",
)  # fmt: skip
# Of how an operation is tried; what was found in another way is not taken for the same.
_TRIAL = 3
_LONGEST_BYTES = 2**24

_Times = dict[str, float]


class Remembered:
    """Times of implementations by operation and pass.

    Args:
        machine: Id of the machine.
        facts: Its facts and those of its software.
        folder: Where the file is kept; by default the user's cache.
    """

    def __init__(self, machine: str, facts: Mapping[str, Fact], folder: Path | None = None) -> None:
        named = repr([_TRIAL, *((name, facts.get(name)) for name in _SOFTWARE)])
        self._software = hashlib.sha256(named.encode()).hexdigest()[:16]
        self._path = (folder or _cache()) / f"{machine}.json"
        self._known = self._read()

    def of(self, operation: str, pass_: str) -> _Times:
        """Times by implementation; infinite for one that failed."""
        known = self._known.get(self._software, {}).get(f"{operation}/{pass_}", {})
        return {name: float("inf") if value < 0 else value for name, value in known.items()}

    def put(self, operation: str, pass_: str, times: _Times) -> None:
        """Keep the times of an operation; a full disk is no reason to stop."""
        finite = {name: -1.0 if value == float("inf") else value for name, value in times.items()}
        self._known.setdefault(self._software, {})[f"{operation}/{pass_}"] = finite
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(msgspec.json.encode(self._known))
            partial.replace(self._path)

    def _read(self) -> dict[str, dict[str, _Times]]:
        try:
            data = self._path.read_bytes()[:_LONGEST_BYTES]
            return msgspec.json.decode(data, type=dict[str, dict[str, dict[str, float]]])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return {}


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "reelbench"
