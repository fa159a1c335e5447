"""What one sitting measured, as each harness itself reported it, and the file that keeps it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

FORMAT = 1

LOOP = "plain loop"
BENCHMARK = "pytest-benchmark"
JAX_BENCH = "pytest-jax-bench"
REELBENCH = "reelbench"
REPLICATES = "reelbench --reel-runs"
NOT_COMPARED = "not compared"
HARNESSES = (LOOP, BENCHMARK, JAX_BENCH, REELBENCH, REPLICATES)


class SittingError(ValueError):
    """A file or a process that is of no use; the message is one line for the user."""


class Reading(Struct, kw_only=True):
    """What one process of a harness reports of one function.

    Attributes:
        figures: The harness's own figures by name, times in seconds.
        rounds_ns: Its rounds, where a test that people make needs them; not in order.
    """

    function: str
    figures: dict[str, float]
    rounds_ns: list[int] = []


class Process(Struct, kw_only=True):
    """One fresh process of a harness, from its start to its end; in the order they ran."""

    harness: str
    wall_s: float
    readings: list[Reading]


class Comparison(Struct, kw_only=True):
    """One comparison of the same code with itself by ``reelbench ab``.

    Attributes:
        verdict: Its verdict, or `NOT_COMPARED`.
        low: Lower end of the interval of the logarithm of time B over time A.
        high: Upper end.
        confidence: Coverage that the interval claims.
        pairs: Pairs of processes.
        seconds: Its part of the time of all cases that were compared together.
    """

    case: str
    verdict: str
    low: float | None
    high: float | None
    confidence: float | None
    pairs: int
    seconds: float | None


class Sitting(Struct, kw_only=True):
    """Everything that was measured in one sitting.

    Attributes:
        machine: Id of the machine, as in reelbench's result files.
        versions: Versions of the harnesses and of what they ran on.
        options: Settings of the sitting, the seed of the order among them.
    """

    format: int = FORMAT
    created: str
    machine: str
    versions: dict[str, str]
    options: dict[str, float | int | str]
    processes: list[Process] = []
    comparisons: list[Comparison] = []

    def of(self, harness: str) -> list[Process]:
        """The processes of a harness."""
        return [process for process in self.processes if process.harness == harness]

    def readings(self, harness: str) -> dict[str, list[Reading]]:
        """The readings of a harness by function, each list in the order they were taken."""
        found: dict[str, list[Reading]] = {}
        for process in self.of(harness):
            for reading in process.readings:
                found.setdefault(reading.function, []).append(reading)
        return found


def save(sitting: Sitting, path: Path) -> None:
    """Write a sitting, compressed if the name ends in ``.gz``; at no time is there half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = msgspec.json.encode(sitting)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    unfinished.replace(path)


def load(path: Path) -> Sitting:
    """Read a sitting.

    Raises:
        SittingError: The file cannot be read or is none.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        sitting = msgspec.json.decode(content, type=Sitting)
    except (OSError, EOFError, msgspec.MsgspecError) as error:
        raise SittingError(f"{path}: {error}") from None
    if sitting.format != FORMAT:
        raise SittingError(f"{path}: format {sitting.format}; this script reads {FORMAT}")
    return sitting


def load_comparisons(path: Path) -> list[Comparison]:
    """The comparisons in a file that ``reelbench ab … --save FILE`` wrote.

    Raises:
        SittingError: The file cannot be read, holds none, or its two sides are not the same.
    """
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise SittingError(f"{path}: {error}") from None
    found = [
        _comparison(case, run, path)
        for run in _objects(content)
        for case in run.get("cases") or ()
        if isinstance(case, dict) and "verdict" in case
    ]
    if not found:
        raise SittingError(f"{path}: holds no verdicts of reelbench ab")
    return found


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from _objects(each)


def _comparison(case: dict[str, Any], run: dict[str, Any], path: Path) -> Comparison:
    words = [(run.get(side) or {}).get("words") for side in ("a", "b")]
    names = [case.get("a_name"), case.get("b_name")]
    if words[0] != words[1] or names[0] != names[1] or case.get("planted"):
        raise SittingError(f"{path}: compares unlike code; here the same must be compared")
    pairs, seconds = case.get("pairs") or [], run.get("seconds")
    return Comparison(
        case=str(names[0] or ""),
        verdict=case["verdict"] or NOT_COMPARED,
        low=case.get("low"),
        high=case.get("high"),
        confidence=case.get("confidence"),
        pairs=len(pairs) if isinstance(pairs, list) else int(pairs),
        seconds=seconds / len(run["cases"]) if seconds else None,
    )
