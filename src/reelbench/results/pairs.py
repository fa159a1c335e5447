"""The file of a paired comparison (``reelbench ab``): every slot that was timed, and the verdicts.

A comparison's file is JSON with one top-level key, ``reelbench_ab``. Times are seconds a call;
differences are logarithms of time B over time A, so that +0.0198 is B 2 % slower.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from reelbench.results.read import check_version, decode, read_bytes
from reelbench.results.schema import Count, Fact, Health, Identity, NonNegative, Positive, Text

SCHEMA = 1
FOLDER = "ab"

Letter = Literal["a", "b"]
Verdict = Literal["faster", "slower", "unchanged", "undecided"]
Two = Annotated[list[Positive], Meta(min_length=2, max_length=2)]
LETTERS: tuple[Letter, Letter] = ("a", "b")
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Block(Struct, frozen=True, kw_only=True):
    """Four slots in the order A B B A, or B A A B: a steady drift cancels.

    Attributes:
        first: Which side began.
        a_s: The fastest round of each of A's two slots.
        b_s: The fastest round of each of B's two slots.
        a_median_s: The median round of each of A's two slots.
        b_median_s: The median round of each of B's two slots.
    """

    first: Letter
    a_s: Two
    b_s: Two
    a_median_s: Two
    b_median_s: Two


class Pair(Struct, frozen=True, kw_only=True):
    """One case in one pair of fresh processes.

    Attributes:
        pair: Number of the pair of processes, from 0.
        started: Which process was started first.
        rounds: Rounds a slot.
        iterations: Calls a round.
        blocks: What was timed.
        health: What else the machine did meanwhile, where known.
        disturbed: What disturbed the rounds, each as ``what: how much``.
        retries: How many readings were disturbed and taken again.
    """

    pair: Count
    started: Letter
    rounds: Annotated[int, Meta(ge=1)]
    iterations: Annotated[int, Meta(ge=1)]
    blocks: Annotated[list[Block], Meta(min_length=1)]
    health: Health | None = None
    disturbed: list[str] = []
    retries: Count = 0


class Compared(Struct, frozen=True, kw_only=True):
    """One case.

    Attributes:
        a_name: What it is on side A.
        b_name: What it is on side B.
        identity: Of side A, where it could be built.
        same_program: Whether both sides compiled the same program text; None if unknown.
        planted: Logarithm of the slowdown that B was given on purpose; None outside a self-test.
        pairs: What was measured.
        failure: Why it could not be measured, or not in every pair.
        verdict: ``faster``, ``slower``, ``unchanged``, ``undecided``, or None without two pairs.
        estimate: Mean over the pairs.
        low: Lower end of the estimate's interval.
        high: Upper end.
        confidence: Coverage of the interval.
        spread: Standard deviation of the pairs.
        more_pairs: How many more would decide; None if it is decided or not even many would.
    """

    a_name: Text
    b_name: Text
    identity: Identity | None = None
    same_program: bool | None = None
    planted: float | None = None
    pairs: list[Pair] = msgspec.field(default_factory=list)
    failure: Text | None = None
    verdict: Verdict | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: Annotated[float, Meta(gt=0, lt=1)] | None = None
    spread: NonNegative | None = None
    more_pairs: Count | None = None


class ComparedSide(Struct, frozen=True, kw_only=True):
    """What a side was.

    Attributes:
        words: What the user wrote.
        facts: What its processes said of their software and device.
    """

    words: Text
    facts: dict[Text, Fact]


class PairedRun(Struct, frozen=True, kw_only=True):
    """A whole comparison.

    Attributes:
        schema: `SCHEMA` of the writer.
        version: Of reelbench.
        created_utc: When it began, ISO 8601.
        machine_id: Where; see `reelbench.machine.identity`.
        facts: Of the machine.
        a: Side A.
        b: Side B.
        threshold: The difference that does not matter, as a share.
        largest_pairs: Pairs at which it ends at the latest.
        seconds: How long it took.
        ended_early: Why it ended before every case was decided or had its pairs; None if not.
        notes: What else the reader must know.
        cases: What was compared.
    """

    schema: Annotated[int, Meta(ge=1)] = SCHEMA
    version: Text
    created_utc: Text
    machine_id: Text
    facts: dict[Text, Fact]
    a: ComparedSide
    b: ComparedSide
    threshold: Annotated[float, Meta(gt=0, le=1)]
    largest_pairs: Annotated[int, Meta(ge=2)]
    seconds: NonNegative
    ended_early: Text | None = None
    notes: list[Text] = msgspec.field(default_factory=list)
    cases: list[Compared]


class PairedFile(Struct, frozen=True, kw_only=True):
    """The document."""

    reelbench_ab: PairedRun


class _Version(Struct):
    schema: int


class _Versioned(Struct):
    reelbench_ab: _Version


def encode(run: PairedRun) -> bytes:
    """The bytes of a file."""
    return msgspec.json.encode(PairedFile(reelbench_ab=run)) + b"\n"


def load(path: str | Path) -> PairedRun:
    """Read and check the file of a comparison.

    Raises:
        ResultFileError: It cannot be read, or is no such file.
    """
    name, data = str(path), read_bytes(path)
    check_version(
        decode(data, name, _Versioned).reelbench_ab.schema, name, SCHEMA, of="reelbench_ab"
    )
    return decode(data, name, PairedFile).reelbench_ab
