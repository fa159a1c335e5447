"""Traces, lowers and compiles a workload ahead of time, and knows what the program needs."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from reelbench import work
from reelbench.machine import backend, libraries
from reelbench.measure import cache
from reelbench.measure.failure import CaseFailure, from_runtime
from reelbench.measure.workload import Workload
from reelbench.results.outcome import Outcome
from reelbench.results.schema import Compilation, Memory
from reelbench.units import print_bytes
from reelbench.work.held import held

# Share of the memory left that a program may take: the rest is for the runtime's own buffers.
_USABLE = 0.9


@dataclass(frozen=True)
class Traced:
    """A traced workload: its work is known, nothing is compiled and no array exists yet.

    Attributes:
        flops: Of the program itself.
        model_flops: Of the reference implementation, whatever the program does instead.
    """

    workload: Workload
    stage: Any
    trace_s: float
    flops: work.Flops
    model_flops: float
    least_bytes: int
    kept_bytes: int


@dataclass(frozen=True)
class Compiled:
    """A compiled workload.

    Attributes:
        program: Called with the workload's arguments.
        written: HLO text of a program with loops before it was compiled; empty without loops.
        xla_flops: XLA's own count, where it gives one.
        xla_bytes: XLA's own count of bytes accessed, where it gives one.
        doubts: What checking it could not show, as warnings.
    """

    traced: Traced
    program: Any
    compilation: Compilation
    memory: Memory
    written: str
    xla_flops: float | None
    xla_bytes: float | None
    doubts: tuple[str, ...] = ()


def trace(workload: Workload) -> Traced:
    """Trace the workload on the shapes of its arguments."""
    start = time.perf_counter()
    stage = _stage(workload)
    seconds = time.perf_counter() - start
    least = work.nbytes(workload.arguments) + work.nbytes(stage.out_info)
    flops = work.count_flops(stage.jaxpr)
    model_flops = flops.model
    if workload.plain is not None:
        model_flops = work.count_flops(jax.make_jaxpr(workload.plain)(*workload.arguments)).model
    return Traced(workload, stage, seconds, flops, model_flops, least, workload.kept_bytes())


def _stage(workload: Workload) -> Any:
    jitted = jax.jit(workload.function, donate_argnums=tuple(range(workload.carry)))
    return jitted.trace(*workload.arguments)


def compile_(traced: Traced, keep: Path | None = None) -> Compiled:
    """Lower and compile, with the user's persistent cache off so that the times are cold.

    Args:
        traced: What to compile.
        keep: An empty folder that keeps the program for later processes, see `reload`. Writing it
            there is part of the time of the compilation: some milliseconds a megabyte.

    Raises:
        CaseFailure: The compiler failed, or the program needs more memory than there is.
    """
    start = time.perf_counter()
    try:
        lowered = traced.stage.lower()
        middle = time.perf_counter()
        with cache.only(_keeping(traced.workload, keep)) as use:
            program = _program(lowered, traced.workload)
    except Exception as error:  # the compiler's exceptions share no narrower public type
        raise from_runtime(error, "compiling") from error
    end = time.perf_counter()
    memory = _memory(program, traced.workload.identity.pass_)
    if memory.needed_bytes > memory.available_bytes:
        raise CaseFailure(
            Outcome.WOULD_NOT_FIT,
            f"needs {print_bytes(memory.needed_bytes)}, of which "
            f"{print_bytes(memory.temporary_bytes)} temporary; "
            f"{print_bytes(memory.available_bytes)} available",
            needed_bytes=float(memory.needed_bytes),
            available_bytes=float(memory.available_bytes),
        )
    cost = _cost(program)
    return Compiled(
        traced=traced,
        program=program,
        compilation=Compilation(
            trace_s=traced.trace_s,
            lower_s=middle - start,
            compile_s=end - middle,
            persistent_cache=bool(use.hits),
            program_sha256=_sha256(lowered, traced.workload),
        ),
        memory=memory,
        written=lowered.as_text(dialect="hlo") if traced.flops.loops else "",
        xla_flops=cost.get("flops"),
        xla_bytes=cost.get("bytes accessed"),
    )


def reload(workload: Workload, sha256: str, keep: Path) -> tuple[Any, bool]:
    """The program that an earlier process compiled; compiled again where it could not be kept.

    Args:
        workload: What the program does.
        sha256: Hash of the earlier process's program.
        keep: The folder that has it.

    Returns:
        The program, and whether it was loaded.

    Raises:
        CaseFailure: It is another program than before, or the compiler failed.
    """
    try:
        lowered = _stage(workload).lower()
        if _sha256(lowered, workload) != sha256:
            raise CaseFailure(
                Outcome.COMPILE_FAILED, "its program is not that of the first process"
            )
        with cache.only(_keeping(workload, keep)) as use:
            return _program(lowered, workload), bool(use.hits)
    except CaseFailure:
        raise
    except Exception as error:  # the compiler's exceptions share no narrower public type
        raise from_runtime(error, "compiling") from error


def _keeping(workload: Workload, keep: Path | None) -> Path | None:
    """The folder for a program, or None where a library computes some of it.

    XLA cannot write down calls of a library. Trying to is worse than in vain: with jaxlib 0.12 a
    process that had tried many times was ended in the middle of writing a later program.
    """
    return None if workload.library else keep


def _program(lowered: Any, workload: Workload) -> Any:
    return lowered.compile(compiler_options=libraries.options(workload.library) or None)


def _sha256(lowered: Any, workload: Workload) -> str:
    """Hash of the StableHLO text, and of the library that XLA may call for it."""
    text = f"{workload.library}\n{lowered.as_text()}" if workload.library else lowered.as_text()
    return hashlib.sha256(text.encode()).hexdigest()


def _memory(program: Any, pass_: str) -> Memory:
    sizes = program.memory_analysis()
    argument = int(getattr(sizes, "argument_size_in_bytes", 0))
    output = int(getattr(sizes, "output_size_in_bytes", 0))
    temporary = int(getattr(sizes, "temp_size_in_bytes", 0))
    aliased = int(getattr(sizes, "alias_size_in_bytes", 0))
    return Memory(
        argument_bytes=argument,
        output_bytes=output,
        temporary_bytes=temporary,
        needed_bytes=argument + output + temporary - aliased,
        available_bytes=int(_USABLE * backend.memory_left()),
        held=held(program.as_text()) if pass_ == "train" else None,
    )


def _cost(program: Any) -> dict[str, float]:
    """XLA's cost analysis; versions differ in giving a list or a dict, and in what is left out."""
    try:
        cost = program.cost_analysis()
    except Exception:  # a backend without the analysis; the figures are optional
        return {}
    first = cost[0] if isinstance(cost, list) else cost
    return {key: float(value) for key, value in (first or {}).items() if value >= 0}
