"""Advice on JAX, on what changes how it runs, and on the self-test."""

from __future__ import annotations

from collections.abc import Iterator

from reelbench.machine.advice.row import Advice, Seen, Severity

# The first driver that CUDA 13 works with.
_CUDA_13_DRIVER = 580
_LONG = 200  # characters of flags; the facts hold them all
_CACHE = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE")


def advice(seen: Seen) -> Iterator[Advice]:
    """See `reelbench.machine.advice`."""
    yield from _jax(seen)
    yield from _libraries(seen)
    yield from _settings(seen)
    yield from _selftest(seen)


def _jax(seen: Seen) -> Iterator[Advice]:
    if "jax" not in seen.facts:
        yield Advice(
            Severity.FAILS,
            "JAX is not installed",
            "nothing can be measured without",
            "pip install reelbench",
        )
    elif seen.jax_error:
        yield Advice(
            Severity.FAILS,
            f"JAX does not start ({seen.jax_error})",
            "nothing can be measured",
            "python -c 'import jax; print(jax.devices())' shows the whole message",
        )
    elif seen.facts.get("accelerator") and seen.facts.get("backend") == "cpu":
        yield Advice(
            Severity.FAILS,
            f"JAX computes on the CPU and leaves the {seen.facts['accelerator']} unused",
            "what is measured is the CPU",
            _use_accelerator(seen),
        )


def _use_accelerator(seen: Seen) -> str:
    if seen.gpus_hidden:
        return "unset CUDA_VISIBLE_DEVICES"
    for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME"):
        if name in seen.variables:
            return f"unset {name}"
    major = str(seen.facts.get("accelerator_driver") or "").partition(".")[0]
    old = major.isdecimal() and int(major) < _CUDA_13_DRIVER
    return f"pip install -U 'jax[{'cuda12' if old else 'cuda13'}]'"


def _libraries(seen: Seen) -> Iterator[Advice]:
    """Convolutions on a CPU are as fast as a library that XLA does not call by itself."""
    if seen.facts.get("backend") != "cpu" or seen.facts.get("architecture") != "x86_64":
        return
    if seen.facts.get("xla_libraries"):
        yield Advice(
            Severity.NOTE,
            f"XLA can call {seen.facts['xla_libraries']} here and does so only if it is told to",
            "convolutions as they are written are computed by XLA itself, many of them slowly",
            "jax.jit(…, compiler_options=…) with the line below; the best of each case has it",
            "{'xla_cpu_experimental_onednn_custom_call': True}",
        )
    else:
        yield Advice(
            Severity.NOTE,
            "this jaxlib does not call oneDNN",
            "with it many convolutions are several times as fast",
            "Python 3.12 or newer and pip install -U jax, where it is 0.12 or newer",
        )


def _settings(seen: Seen) -> Iterator[Advice]:
    flags = str(seen.facts.get("xla_flags") or "")
    if flags:
        if len(flags) > _LONG:
            flags = f"{flags[:_LONG]}…"
        yield Advice(
            Severity.CHANGES,
            f"XLA_FLAGS is set ({flags})",
            "XLA compiles other programs than it does by itself",
            "unset XLA_FLAGS, unless it is what you measure",
        )
    caches = [name for name in seen.variables if name in _CACHE]
    others = [name for name in seen.variables if name not in _CACHE]
    if others:
        yield Advice(
            Severity.CHANGES,
            f"the environment sets {', '.join(others)}",
            "they can change how JAX runs",
            f"unset {' '.join(others)}, unless it is what you measure",
        )
    if caches:
        yield Advice(
            Severity.NOTE,
            f"a persistent compilation cache is set ({', '.join(caches)})",
            "reelbench leaves it aside, so that compile times are those of a first run",
            "nothing; other benchmarks would load programs instead of compiling them",
        )


def _selftest(seen: Seen) -> Iterator[Advice]:
    if seen.selftest_error:
        yield Advice(
            Severity.NOTE,
            f"the newest self-test cannot be read ({seen.selftest_error})",
            "how small a slowdown this machine can see is not known",
            "reelbench selftest",
        )
    elif seen.smallest_visible is None:
        yield Advice(
            Severity.NOTE,
            "no self-test of this machine is stored",
            "how small a slowdown it can see is not known",
            "reelbench selftest, once",
        )
