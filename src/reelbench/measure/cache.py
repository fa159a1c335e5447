"""Which folder of compiled programs serves, if any: nobody's but the run's own.

JAX keeps compiled programs in a folder if a user asks for it (``JAX_COMPILATION_CACHE_DIR``). Such
a folder must not serve a program whose compilation is timed. A run of several processes has a
folder of its own instead: the first process compiles each program into an empty place in it, the
others load what it left.
"""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from reelbench.machine import backend

_HIT = "/jax/compilation_cache/cache_hits"


@dataclass
class Use:
    """What came of it.

    Attributes:
        hits: How many programs were loaded instead of compiled.
    """

    hits: int = 0


@dataclass(frozen=True)
class Place:
    """Where the processes of a run keep the programs of one case.

    Attributes:
        program: Folder of the program that is timed, for itself: another case's program that
            happens to be the same must not spare this one its compilation.
        inputs: Folder of the programs that make the inputs, of all cases together.
    """

    program: Path
    inputs: Path

    @classmethod
    def of(cls, folder: Path, case: str) -> Place:
        """The place of a case in a run's folder."""
        return cls(folder / hashlib.sha256(case.encode()).hexdigest()[:16], folder / "inputs")

    def clear(self) -> None:
        """Forget the program that is timed."""
        shutil.rmtree(self.program, ignore_errors=True)


@contextmanager
def only(folder: Path | None) -> Iterator[Use]:
    """Let programs be loaded from this folder, and kept there, or with None compile all of them.

    A program that the backend cannot write down is compiled each time, as it is without a folder.
    """
    before = {name: backend.setting(name) for name in _settings(folder)}
    use = Use()

    def count(event: str, **_: Any) -> None:
        use.hits += event == _HIT

    _apply(_settings(folder))
    jax.monitoring.register_event_listener(count)
    try:
        with warnings.catch_warnings():
            # A folder that cannot be used costs time and nothing else.
            warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation")
            yield use
    finally:
        jax.monitoring.unregister_event_listener(count)
        _apply(before)


def _settings(folder: Path | None) -> dict[str, Any]:
    if folder is None:
        return {"jax_enable_compilation_cache": False}
    return {
        "jax_enable_compilation_cache": True,
        "jax_compilation_cache_dir": str(folder),
        "jax_compilation_cache_max_size": -1,
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
        # XLA's own caches would let one program's compilation profit from another's.
        "jax_persistent_cache_enable_xla_caches": "none",
    }


def _apply(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    # JAX looks at these settings once, at its first compilation, unless it is told to forget.
    compilation_cache.reset_cache()
