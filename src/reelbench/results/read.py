"""Reads result files, which come from elsewhere and are not trusted.

Only regular files are opened and their size is limited before anything is parsed; JSON is strict;
every field is checked; an error is one line that names the file, the field and what to do. Nothing
in a file is ever executed. Of a key that stands twice the last value counts, as in Python's json.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from reelbench.results.schema import SCHEMA, Benchmark, Fact, Results

# A thousand cases of a hundred rounds in ten processes need about 30 MiB. A list of one-digit
# times is the costliest text: sixteen times its size in memory, so 1 GiB at most.
LARGEST_BYTES = 64 * 2**20

# No call takes less than a picosecond or more than thirty years. Between the two, ratios and rates
# of times can neither overflow nor vanish.
SHORTEST_S, LONGEST_S = 1e-12, 1e9

_EDITED = "it is no result file, or it was edited"

Kind = TypeVar("Kind")


class ResultFileError(ValueError):
    """A file that cannot be read as a result file; the message is one line for the user."""

    def __init__(self, path: str, problem: str, advice: str) -> None:
        self._parts = path, problem, advice
        # The path and the problem may quote what somebody else wrote.
        problem = problem if len(problem) <= 300 else f"{problem[:300]}…"
        line = f"{path}: {problem}; {advice}"
        super().__init__(
            "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
        )

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        # Files are also read in other processes, whose errors travel.
        return type(self), self._parts


class _Version(msgspec.Struct):
    schema: int


class _Versioned(msgspec.Struct):
    reelbench: _Version | None = None


def load(path: str | Path) -> Results:
    """Read and check one result file.

    Raises:
        ResultFileError: The file cannot be read, is not strict JSON, lacks a field, has a field of
            a wrong type or range, or has a newer schema than this version knows.
    """
    return parse(read_bytes(path), str(path))


def read_stream(stream: BinaryIO, name: str) -> bytes:
    """The bytes of a stream, such as standard input, up to `LARGEST_BYTES`.

    Raises:
        ResultFileError: It cannot be read, or holds more.
    """
    try:
        data = stream.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ResultFileError(name, f"cannot be read ({problem})", "check the pipe") from None
    if len(data) > LARGEST_BYTES:
        raise ResultFileError(
            name, f"holds more than {LARGEST_BYTES:,} bytes", "split it into its runs"
        )
    return data


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a regular file of at most `LARGEST_BYTES`.

    Raises:
        ResultFileError: It cannot be read, is something else than a file, or is larger.
    """
    name = str(path)
    try:
        return _read(Path(path), name)
    except ResultFileError:
        raise
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ResultFileError(name, f"cannot be read ({problem})", "check the path") from None


def parse(data: bytes, name: str) -> Results:
    """Check the bytes of one result file; ``name`` is what errors call it.

    Raises:
        ResultFileError: As for `load`.
    """
    try:
        results = decode(data, name, Results)
    except ResultFileError:
        # A newer version says so, rather than which of its fields is unknown here.
        versioned = decode(data, name, _Versioned)
        check_version(versioned.reelbench.schema if versioned.reelbench else SCHEMA, name, SCHEMA)
        raise
    check_version(results.reelbench.schema if results.reelbench else SCHEMA, name, SCHEMA)
    for field, problem in _contradictions(results):
        raise ResultFileError(name, f"field `{field}`: {problem}", _EDITED)
    return results


def decode(data: bytes, name: str, kind: type[Kind]) -> Kind:
    """Strict JSON into checked types.

    Raises:
        ResultFileError: It is not strict JSON, or lacks a field, or has one of a wrong type.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        problem, field = _field(str(error))
        raise ResultFileError(name, f"field `{field}`: {problem}", _EDITED) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResultFileError(name, _not_json(data, error), "write the file again") from None


def check_version(schema: int, name: str, known: int, *, of: str = "reelbench") -> None:
    """Refuse files of a version that does not exist yet.

    Raises:
        ResultFileError: It is newer than the known one, or below the first.
    """
    if schema > known:
        raise ResultFileError(
            name,
            f"field `{of}.schema` is newer than the {known} that this reelbench knows",
            "upgrade reelbench (pip install -U reelbench)",
        )
    if schema < 1:
        raise ResultFileError(
            name, f"field `{of}.schema`: {schema} is no version; the first is 1", _EDITED
        )


def _read(path: Path, name: str) -> bytes:
    """The bytes of a regular file of at most `LARGEST_BYTES`."""
    _check_kind(path.stat(), name)
    # Should a pipe have taken the file's place, an ordinary open would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        _check_kind(os.fstat(descriptor), name)
        data = file.read(LARGEST_BYTES + 1)
    _check_size(len(data), name)
    return data


def _check_kind(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ResultFileError(name, "is a folder", "name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise ResultFileError(name, "is a pipe or a device", "save its content to a file first")
    _check_size(status.st_size, name)


def _check_size(size: int, name: str) -> None:
    if size > LARGEST_BYTES:
        raise ResultFileError(
            name, f"is {size:,} bytes, more than {LARGEST_BYTES:,}", "split it into its runs"
        )


def _contradictions(results: Results) -> Iterator[tuple[str, str]]:
    """Fields that have the right type and cannot be true, each with what is wrong."""
    seen: dict[str, int] = {}
    for index, benchmark in enumerate(results.benchmarks):
        if (first := seen.setdefault(benchmark.fullname, index)) != index:
            where = f"benchmarks[{index}].fullname"
            yield where, f"is the same as that of benchmarks[{first}]"
        for name, problem in _impossible(benchmark):
            yield f"benchmarks[{index}].{name}", problem
    if results.machine_info.reelbench:
        yield from _huge(results.machine_info.reelbench.facts, "machine_info.reelbench.facts")
    if results.reelbench:
        yield from _huge(results.reelbench.options, "reelbench.options")


def _impossible(benchmark: Benchmark) -> Iterator[tuple[str, str]]:
    stats, record = benchmark.stats, benchmark.extra_info.reelbench
    if not stats.min <= stats.median <= stats.max:
        yield "stats.median", "is not between `min` and `max`"
    yield from _beyond((stats.min, stats.max), "stats")
    if stats.data:
        yield from _beyond(stats.data, "stats.data")
    if record is None:
        return
    timing, at = record.timing, "extra_info.reelbench.timing"
    low, median, high = timing.low_s, timing.median_s, timing.high_s
    for name, value in (("low_s", low), ("median_s", median), ("high_s", high)):
        yield from _beyond((value,), f"{at}.{name}")
    for index, each in enumerate(timing.replicates):
        yield from _beyond(each.rounds_s, f"{at}.replicates[{index}].rounds_s")
        for number, visit in enumerate(each.later):
            yield from _beyond(visit.rounds_s, f"{at}.replicates[{index}].later[{number}].rounds_s")
    if low > median:
        yield f"{at}.low_s", f"{low:.6g} is above the median, {median:.6g}"
    if high < median:
        yield f"{at}.high_s", f"{high:.6g} is below the median, {median:.6g}"
    if timing.confidence >= 1:
        yield f"{at}.confidence", f"{timing.confidence:.6g} is not below 1"


def _beyond(times: Sequence[float], at: str) -> Sequence[tuple[str, str]]:
    """A time that no call can take, if there is one."""
    least, most = min(times), max(times)
    if least >= SHORTEST_S and most <= LONGEST_S:
        return ()
    wrong = least if least < SHORTEST_S else most
    return ((at, f"{wrong:.3g} s is no time a call can take"),)


def _huge(facts: dict[str, Fact], at: str) -> Iterator[tuple[str, str]]:
    """Integers beyond 64 bits, which no fact is and which overflow when divided."""
    for name, value in facts.items():
        if isinstance(value, int) and abs(value) >= 2**63:
            yield f"{at}.{name}", "is an integer of more than 64 bits"


def _field(message: str) -> tuple[str, str]:
    """Split msgspec's ``problem - at `$.a.b[0]` `` into the problem and the path ``a.b[0]``."""
    found = re.fullmatch(r"(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?", message, re.DOTALL)
    problem, field = found.groups() if found else (message, None)
    return problem, field or "(top level)"


def _not_json(data: bytes, error: Exception) -> str:
    if not data.strip():
        return "is empty"
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text"
    if re.search(rb"[:\[,]\s*-?(?:NaN|Infinity)", data):
        return "holds NaN or Infinity, which strict JSON does not allow"
    # msgspec calls half of a surrogate pair the end of the text.
    if "truncated" in str(error) and not data.rstrip().endswith(b"}"):
        return f"is cut off after {len(data):,} bytes"
    return f"is not strict JSON ({error})"
