"""The file of a self-test (``reelbench selftest``): how small a difference this machine can see.

JSON with one top-level key, ``reelbench_selftest``; all differences are logarithms of ratios of
times, all times seconds.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from reelbench.results.pairs import PairedRun
from reelbench.results.read import ResultFileError, check_version, decode, read_bytes
from reelbench.results.schema import Count, NonNegative, Positive, Text

SCHEMA = 1
FOLDER = "selftest"
# Older self-tests tell of a machine that may have been set up in another way.
_NEWEST = 12


class Coverage(Struct, frozen=True, kw_only=True):
    """How often the interval of a stretch of rounds held the median of the whole long series.

    Attributes:
        probe: What was timed.
        rounds: Rounds of the long series, whose median is the reference.
        stretch: Rounds of a stretch.
        stretches: How many stretches, one after the other.
        covered: How many intervals held the reference.
        half_width: Median of their relative half-widths.
        wander: What the stretches of the other probes lack, as a logarithm (see
            `reelbench.stats.wandering`); None in files of older versions.
        covered_widened: How many held the reference once they were widened by it.
        half_width_widened: Median of their relative half-widths then.
    """

    probe: Text
    rounds: Count
    stretch: Count
    stretches: Count
    covered: Count
    half_width: NonNegative
    wander: NonNegative | None = None
    covered_widened: Count | None = None
    half_width_widened: NonNegative | None = None


class SelfTest(Struct, frozen=True, kw_only=True):
    """What a self-test found.

    Attributes:
        schema: `SCHEMA` of the writer.
        empty_call_s: Time of a call that does next to nothing.
        overhead_s: What the harness adds to a call.
        process_spread: Standard deviation of a probe's median from process to process, as a
            logarithm: median over the probes. What two runs of one process each cannot see beneath.
        pair_spread: Standard deviation of the differences of pairs, likewise, of the noisiest
            probe; in files of before 2026-11-27 the median over the probes.
        smallest_visible: Smallest slowdown that ``paired.largest_pairs`` pairs find 95 times in a
            hundred, as a logarithm.
        wander: What the stretches of all probes lack; widens the intervals of single processes.
        coverage: Of the intervals of single processes.
        paired: The planted slowdowns, and same against same.
    """

    schema: Annotated[int, Meta(ge=1)] = SCHEMA
    empty_call_s: Positive
    overhead_s: float
    process_spread: NonNegative
    pair_spread: NonNegative
    smallest_visible: NonNegative
    coverage: list[Coverage]
    wander: NonNegative | None = None
    paired: PairedRun


class _File(Struct, frozen=True, kw_only=True):
    reelbench_selftest: SelfTest


class _Version(Struct):
    schema: int


class _Versioned(Struct):
    reelbench_selftest: _Version


def encode(found: SelfTest) -> bytes:
    """The bytes of a file."""
    return msgspec.json.encode(_File(reelbench_selftest=found)) + b"\n"


def load(path: str | Path) -> SelfTest:
    """Read and check the file of a self-test.

    Raises:
        ResultFileError: It cannot be read, or is no such file.
    """
    name, data = str(path), read_bytes(path)
    versioned = decode(data, name, _Versioned)
    check_version(versioned.reelbench_selftest.schema, name, SCHEMA, of="reelbench_selftest")
    return decode(data, name, _File).reelbench_selftest


def stored(folder: Path, machine: str) -> list[SelfTest]:
    """The newest self-tests of a machine, oldest first.

    Args:
        folder: Of the machine's results.
        machine: Its id.

    Raises:
        ResultFileError: One of them cannot be read.
    """
    try:
        files = sorted((folder / FOLDER).glob("*.json"))[-_NEWEST:]
    except OSError:
        return []
    return [test for file in files if (test := load(file)).paired.machine_id == machine]


def wander_in(folder: Path, machine: str) -> float | None:
    """How far a second's median wanders by the newest self-tests: their median, or None.

    A self-test that cannot be read is no reason not to measure; `reelbench doctor` speaks of it.
    """
    try:
        found = [test.wander for test in stored(folder, machine) if test.wander is not None]
    except ResultFileError:
        return None
    return median(found) if found else None
