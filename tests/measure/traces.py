"""Profiler traces made by hand: XSpace protobufs with the planes and lines that XLA writes.

Times are in nanoseconds. A trace is a dict of planes, a plane a dict of lines, a line a list of
what `kernel`, `copy` or `piece` make.
"""

from __future__ import annotations

import itertools
import json
import warnings
from dataclasses import dataclass, field, replace

from jax.profiler import ProfileData

GPU = "/device:GPU:0"
STREAM = "Stream #13(Kernel)"


@dataclass(frozen=True)
class Piece:
    start: int
    length: int
    name: str = "kernel"
    stats: dict[str, str] = field(default_factory=dict)

    def later(self, by: int) -> Piece:
        return replace(self, start=self.start + by)


def piece(start, length, name="kernel", **stats):
    return Piece(start, length, name, stats)


def kernel(start, length, operation="dot.1", module="jit_f"):
    """A kernel of an operation of a program."""
    return piece(start, length, hlo_module=module, hlo_op=operation, kernel_details="regs:32")


def copy(start, length):
    """A copy that says nothing of the program it belongs to."""
    return piece(start, length, "MemcpyD2D", memcpy_details="size:4096")


def calls(pieces, number, every=1_000):
    """The pieces of one call, repeated for so many."""
    return [each.later(every * call) for call in range(number) for each in pieces]


def serialized(planes) -> bytes:
    """The trace as the profiler writes it into its file."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "builtin type .* has no __module__ attribute")
        text = "".join(_plane(name, lines) for name, lines in planes.items())
        return ProfileData.text_proto_to_serialized_xspace(text)


def one_gpu(pieces, **others) -> bytes:
    """The trace of one GPU with one stream, and other lines beside it."""
    return serialized({GPU: {STREAM: pieces, **others}})


def _plane(name: str, lines: dict[str, list[Piece]]) -> str:
    every = list(itertools.chain.from_iterable(lines.values()))
    names = sorted({each.name for each in every})
    keys = sorted({key for each in every for key in each.stats})
    text = [f"name: {json.dumps(name)}"]
    for number, known in enumerate(names, 1):
        text.append(f"event_metadata {{ key: {number} value {_named(number, known)} }}")
    for number, known in enumerate(keys, 1):
        text.append(f"stat_metadata {{ key: {number} value {_named(number, known)} }}")
    for number, (line, pieces) in enumerate(lines.items(), 1):
        events = "".join(_event(each, names, keys) for each in pieces)
        text.append(f"lines {{ id: {number} name: {json.dumps(line)} {events} }}")
    return f"planes {{ {' '.join(text)} }}"


def _named(number: int, name: str) -> str:
    return f"{{ id: {number} name: {json.dumps(name)} }}"


def _event(each: Piece, names: list[str], keys: list[str]) -> str:
    stats = "".join(
        f"stats {{ metadata_id: {keys.index(key) + 1} str_value: {json.dumps(value)} }}"
        for key, value in each.stats.items()
    )
    return (
        f"events {{ metadata_id: {names.index(each.name) + 1} offset_ps: {1000 * each.start} "
        f"duration_ps: {1000 * each.length} {stats} }}"
    )
