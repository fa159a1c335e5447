"""Journals of a small run, to be cut, filled and continued by tests."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import msgspec

from reelbench.results.journal import Entry, Header, Journal
from reelbench.results.schema import SCHEMA, CaseOutcome, Machine, Process, Replicate
from results import documents as make

A, B, C = (f"bench/test_x.py::test[{letter}]" for letter in "abc")


def header(**changes) -> Header:
    base = {
        "schema": SCHEMA,
        "protocol": 1,
        "version": "0.1.0",
        "run_id": "0123456789ab",
        "created": "2026-01-01T00:00:00+00:00",
        "options": {"budget_s": 300.0, "dtype": None},
        "planned": [A, B, C],
        "machine": msgspec.convert(make.machine(), Machine),
        "machine_info": {"cpu": {"count": 2}},
        "commit_info": {"id": "0123456789abcdef", "dirty": False},
        "pytest_benchmark": "5.3.1",
    }
    return Header(**base | changes)


def outcome(name: str, kind: str = "ok", **changes) -> CaseOutcome:
    whole = {"name": name, "identity": make.identity(preset=name), "outcome": kind}
    return msgspec.convert(whole | changes, CaseOutcome)


def process(name: str = "p0") -> Entry:
    return Entry(kind="process", process=Process(id=name, started="2026-01-01T00:00:00+00:00"))


def begin(name: str) -> Entry:
    return Entry(kind="begin", name=name)


def timed(name: str, median_s: float = 0.01) -> Entry:
    case = make.benchmark(make.record(median_s, preset=name), name=name)
    return Entry(kind="case", name=name, outcome=outcome(name), benchmark=case, spent_s=1.5)


def failed(name: str, kind: str = "over_budget", **changes) -> Entry:
    return Entry(kind="case", name=name, outcome=outcome(name, kind, **changes), spent_s=0.25)


def again(name: str, process: str = "p1", reason: str = "") -> Entry:
    """What a further process found of a case; with a reason, that it failed."""
    (replicate,) = make.timing()["replicates"]
    made = msgspec.convert(replicate | {"process": process}, Replicate)
    return Entry(
        kind="replicate",
        name=name,
        replicate=None if reason else made,
        reason=reason,
        spent_s=0.5,
    )


def steps() -> list[Entry]:
    """All the lines of a whole run after its header; a line break and a quote are in the texts."""
    reason = 'took "40 s"\nof 12 s\r\x85\u2028 left'
    left_out = failed(C, reason=reason, numbers={"estimated_s": 40.0})
    return [process(), left_out, begin(A), timed(A), begin(B), timed(B, 0.03)]


def whole(path: Path) -> Journal:
    journal = Journal.create(path, header())
    for step in steps():
        journal.append(step)
    return journal


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes: the system cuts a write short, as a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
