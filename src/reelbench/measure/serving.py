"""Times one prepared call on command: a controller switches between this process and another."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import jax

from reelbench import __version__
from reelbench.machine import backend
from reelbench.measure import clock, compiling, protocol
from reelbench.measure.failure import CaseFailure
from reelbench.measure.workload import Workload
from reelbench.results.outcome import Outcome
from reelbench.wire import VERSION, Channel, Closed, Failed, Hello, Next, Ready, Slot, Times

# Warming up takes at most so long; a slot discards calls of its own.
_WARMUP_S = 1.0
_PACKAGES = ("jax", "jaxlib", "flax", "numpy")


def greet(channel: Channel) -> None:
    """Tell the controller what this process is."""
    facts: dict[str, Any] = {"reelbench": __version__}
    for name in _PACKAGES:
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            facts[name] = None
    device = jax.devices()[0]
    facts |= {"backend": jax.default_backend(), "device": device.device_kind}
    facts["accelerated"] = int(backend.is_accelerator())
    channel.send(Hello(VERSION, facts))


def serve(channel: Channel, name: str, build: Callable[[], Workload]) -> CaseFailure | None:
    """Prepare one case, then time it on command until the controller asks for the next.

    Args:
        channel: To the controller.
        name: The case's name on this side.
        build: Makes the workload.

    Returns:
        Why the case could not be timed, if so; the controller knows already.

    Raises:
        Closed: The controller is gone.
    """
    try:
        compiled, call = protocol.prepare(compiling.trace(build()))
        times = clock.warm_up(call, _WARMUP_S)
    except Exception as error:
        failure = (
            error
            if isinstance(error, CaseFailure)
            else CaseFailure(Outcome.COMPILE_FAILED, _first_line(error))
        )
        channel.send(Failed(name, str(failure.outcome), failure.reason))
        _until_next(channel, {})
        return failure
    channel.send(
        Ready(
            name=name,
            identity=compiled.traced.workload.identity,
            call_s=min(times[-3:]),
            program_sha256=compiled.compilation.program_sha256,
        )
    )
    gc.collect()
    gc.disable()  # its pauses would be the timed code's
    try:
        _until_next(channel, {Slot: lambda slot: Times(_rounds(call, slot))})
    finally:
        gc.enable()
    return None


def _until_next(channel: Channel, answers: Mapping[type, Callable[[Any], Any]]) -> None:
    while not isinstance(message := channel.receive(), Next):
        answer = answers.get(type(message))
        if answer is None:
            raise Closed
        channel.send(answer(message))


def _rounds(call: Callable[[], Any], slot: Slot) -> list[float]:
    for _ in range(slot.discarded):
        call()
    times = []
    calls = range(slot.iterations)
    for _ in range(slot.rounds):
        start = time.perf_counter()
        for _ in calls:
            call()
        times.append((time.perf_counter() - start) / slot.iterations)
    return times


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
