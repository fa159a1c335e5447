"""A fixture for tests that compile many small programs and time none."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import pytest
from jax._src import compiler

# XLA's older way to write a CPU's machine code takes less time than the newer one.
_QUICKER = {"xla_cpu_use_fusion_emitters": False}


@functools.cache
def _overrides() -> list[tuple[str, Any]]:
    """What to ask of the compiler; nothing where this JAX has no such option."""
    try:
        jax.jit(lambda x: x).lower(1.0).compile(compiler_options=_QUICKER)
    except Exception:  # each backend has its own exception
        return []
    return list(_QUICKER.items())


@pytest.fixture(autouse=True)
def quick_compilation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compile without most optimisations, in a third of the time.

    What a layer computes is held against its oracle, whatever the compiler makes of it.
    """
    quicker = _overrides()
    asked = compiler.get_compile_options

    def options(*arguments: Any, **named: Any) -> Any:
        found = asked(*arguments, **named)
        found.env_option_overrides = [*found.env_option_overrides, *quicker]
        return found

    monkeypatch.setattr(compiler, "get_compile_options", options)
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
