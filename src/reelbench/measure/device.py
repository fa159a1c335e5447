"""The device's own time of a call, from a profiler trace: how long it was busy, gaps left out."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
from jax.profiler import ProfileData, ProfileOptions

# A device's plane in a trace, as the collectors of XLA name it.
_DEVICE = re.compile(r"/device:(GPU|TPU):\d+$")
# GPU: one line a stream. Lines of other names repeat the same time by step, module, operation or
# source line, or are the profiler's own overhead (XLA: backends/profiler/gpu/cupti_collector.cc,
# xplane_schema.cc).
_STREAM = re.compile(r"Stream #\d+")
# A stream on which the collector itself spent time loses its number to this name, but not its work.
_OVERHEAD = "CUPTI overhead"
# TPU: the line of operations. A loop and what it runs are both on it, which the union allows for.
_OPERATIONS = "XLA Ops"
# What stands on a stream without occupying it.
_BOOKKEEPING = {"memalloc_details", "memfree_details", "memory_residency_details"}

Interval = tuple[float, float]


@dataclass(frozen=True)
class _Piece:
    """A kernel, a copy or an operation, as it stands on a line.

    Attributes:
        interval: When it ran, in nanoseconds.
        module: The program it belongs to, if it says so.
        operation: The operation of the program, or else its own name.
        copies: Whether it copies memory.
    """

    interval: Interval
    module: str | None
    operation: str
    copies: bool


@dataclass(frozen=True)
class DeviceTime:
    """What a trace says of a call.

    Attributes:
        seconds: Time a call for which the slowest device was busy, or None if it is not known.
        copies_s: Time of these for which it only copied memory.
        reason: Why nothing is known, in one sentence; empty otherwise.
    """

    seconds: float | None
    copies_s: float | None = None
    reason: str = ""


def device_time(call: Callable[[], Any], calls: int, *, program: Any = None) -> DeviceTime | None:
    """Profile ``calls`` calls that wait for their outputs; how long the device worked on each.

    None on a backend without a clock of its own (CPU), where no profiler is started. Profiling
    slows the host, never the device's work: XLA turns CUDA graphs off while a profiler watches
    (``xla_enable_command_buffers_during_profiling``), which widens the gaps between kernels, and
    gaps do not count here. So these calls are made apart from the timed ones.

    Whatever goes wrong, an error of the call itself too, costs the figure and not the case: it is
    told as the reason.

    Args:
        call: Makes one call.
        calls: How many to make, at least 1.
        program: The compiled program that is called, if it is one: work that says it belongs to
            another is left out.
    """
    if jax.default_backend() == "cpu":
        return None
    try:
        with tempfile.TemporaryDirectory() as folder:
            _trace(call, calls, folder)
            files = sorted(Path(folder).rglob("*.xplane.pb"))
            if not files:
                return DeviceTime(None, reason="the profiler wrote no trace")
            module = None if program is None else module_of(program)
            return of_trace(files[0].read_bytes(), calls, module=module)
    except Exception as error:  # profilers fail in ways of their own: permissions, drivers, disks
        text = " ".join(str(error).split())[:200]
        return DeviceTime(None, reason=f"no profiler trace: {type(error).__name__}: {text}")


def module_of(program: Any) -> str | None:
    """The name by which a compiled program goes in a trace."""
    found = re.match(r"HloModule ([^\s,]+)", program.as_text() or "")
    return found[1] if found else None


def of_trace(serialized: bytes, calls: int, *, module: str | None = None) -> DeviceTime:
    """Read a trace of ``calls`` calls, an XSpace protobuf as the profiler writes it.

    Args:
        serialized: The protobuf.
        calls: How many calls it is of.
        module: Name of the program (see `module_of`); None takes the work of all.
    """
    try:
        with warnings.catch_warnings():
            # jaxlib's own types lack a __module__, which Python tells whoever reads them first.
            warnings.filterwarnings("ignore", "builtin type .* has no __module__ attribute")
            planes = ProfileData.from_serialized_xspace(serialized).planes
            found = [_of_device(p, calls, module) for p in planes if _DEVICE.match(p.name)]
    except (ValueError, RuntimeError) as error:
        return DeviceTime(None, reason=f"the trace cannot be read: {error}")
    if not found:
        return DeviceTime(None, reason="the trace holds no device")
    bad = next((each for each in found if each.reason), None)
    slowest = max(found, key=lambda each: each.seconds or 0.0)
    if bad or slowest.seconds:
        return bad or slowest
    return DeviceTime(None, reason="the trace holds no work of the program")


def _trace(call: Callable[[], Any], calls: int, folder: str) -> None:
    options = ProfileOptions()
    # The host is not looked at: tracing it would slow it, and fill the trace.
    options.python_tracer_level = 0
    options.host_tracer_level = 0
    jax.profiler.start_trace(folder, profiler_options=options)
    try:
        for _ in range(calls):
            call()
    finally:
        jax.profiler.stop_trace()


def _of_device(plane: Any, calls: int, module: str | None) -> DeviceTime:
    pieces = _pieces(list(plane.lines))
    named = [piece for piece in pieces if piece.module is not None]
    ours = [piece for piece in named if module in (None, piece.module)]
    if named and not ours:
        return DeviceTime(0.0, 0.0)
    # Every call does the same work, each operation as often as in any other call. A collector whose
    # buffers are full drops some of it.
    counts = Counter(piece.operation for piece in ours or pieces)
    odd = next((each for each in counts.items() if each[1] % calls), None)
    if odd:
        return DeviceTime(
            None, reason=f"the trace is not whole: {odd[0]!r} {odd[1]} times in {calls} calls"
        )
    # What names no program (a copy, a fill) goes with ours.
    kept = ours + [piece for piece in pieces if piece.module is None]
    busy = _union(piece.interval for piece in kept)
    computing = _union(piece.interval for piece in kept if not piece.copies)
    return DeviceTime(busy * 1e-9 / calls, (busy - computing) * 1e-9 / calls)


def _pieces(lines: list[Any]) -> list[_Piece]:
    """What occupied a device, each once."""
    streams = [line for line in lines if _STREAM.match(line.name) or line.name == _OVERHEAD]
    found = []
    for line in streams or [line for line in lines if line.name == _OPERATIONS]:
        for event in line.events:
            stats = {key: value for key, value in event.stats if key is not None}
            module = stats.get("hlo_module")
            if _BOOKKEEPING & stats.keys() or (line.name == _OVERHEAD and module is None):
                continue
            interval = (event.start_ns, event.start_ns + event.duration_ns)
            operation = str(stats.get("hlo_op", event.name))
            found.append(_Piece(interval, module, operation, "memcpy_details" in stats))
    return found


def _union(intervals: Iterable[Interval]) -> float:
    """Length of what the intervals cover together: streams overlap, and time passes once."""
    covered, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        covered += max(end - max(start, reached), 0.0)
        reached = max(reached, end)
    return covered
