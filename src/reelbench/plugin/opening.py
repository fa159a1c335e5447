"""Opens a session: proves that results can be kept, surveys the machine, begins the journal."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reelbench import __version__
from reelbench.machine import backend, ceilings, facts, identity
from reelbench.machine.facts import Fact
from reelbench.machine.fields import FIELDS
from reelbench.measure import clock, eviction, protocol
from reelbench.measure.failure import CaseFailure
from reelbench.plugin.options import Options
from reelbench.plugin.session import Session, outcome_of, unknown_identity
from reelbench.results import noise, store
from reelbench.results.journal import Entry, Header, Journal, JournalError
from reelbench.results.outcome import Outcome
from reelbench.results.schema import SCHEMA, Machine, Process

# A case in which the process died this often is given up.
_MOST_DEATHS = 2


def begin(
    options: Options,
    planned: Sequence[str],
    dtypes: Sequence[str],
    pytest_benchmark: Callable[[], tuple[dict[str, Any], dict[str, Any], str]],
) -> Session:
    """Begin a run.

    Args:
        options: What the user asked for.
        planned: Full names of the cases.
        dtypes: Dtypes whose matrix-multiply ceiling is needed.
        pytest_benchmark: Gives pytest-benchmark's machine info, commit info and version.

    Raises:
        StoreError: The results' folder cannot take results.
    """
    started = time.monotonic()
    store.check_writable(options.folder)  # before minutes are spent on measuring
    known = _facts()
    name = identity.machine_id(known)
    store.check_writable(options.folder / name)
    paging = ceilings.paging()
    machine = Machine(
        id=name,
        facts=known,
        ceilings=[
            *map(ceilings.matmul, dict.fromkeys(dtypes)),
            *(each for each in map(ceilings.convolution, dict.fromkeys(dtypes)) if each),
            ceilings.memory(),
            *([paging] if paging else []),
        ],
        floor_s=clock.empty_call_s(),
        cold_floor_s=eviction.cold_empty_call_s(),
        overhead_s=clock.overhead_s(),
        wander=noise.wander_in(options.folder / name, name),
    )
    machine_info, commit_info, version = pytest_benchmark()
    created = datetime.now(UTC)
    header = Header(
        schema=SCHEMA,
        protocol=protocol.PROTOCOL,
        version=__version__,
        run_id=uuid.uuid4().hex[:12],
        created=created.isoformat(timespec="seconds"),
        options=dict(options.facts()),
        planned=list(planned),
        machine=machine,
        machine_info=machine_info,
        commit_info=commit_info,
        pytest_benchmark=version,
    )
    stem = store.new_stem(options.folder, name, created, commit_info.get("id"))
    journal = Journal.create(stem.with_name(f"{stem.name}.journal"), header)
    return _session(options, journal, started)


def resume(options: Options) -> Session:
    """Go on with an interrupted run: the newest of this machine, or the journal that was named.

    Raises:
        JournalError: There is none, it is in use or damaged, or machine or software have changed.
        StoreError: The results' folder cannot take results.
    """
    started = time.monotonic()
    known = _facts()
    folder = options.folder / identity.machine_id(known)
    path = Path(options.resume) if options.resume else store.newest(folder, ".journal")
    if path is None:
        raise JournalError(
            f"{folder}: no interrupted run of this machine; start without --reel-resume"
        )
    store.check_writable(path.parent)
    journal = Journal.reopen(path)
    changed = _changed(journal.header, known)
    if changed:
        raise JournalError(
            f"{path}: {changed} since the run began; start anew without --reel-resume"
        )
    asked = journal.header.options  # the run is finished as it was begun
    options = replace(options, runs=asked.get("runs", 1), width=asked.get("width"))
    session = _session(options, journal, started)
    for name, deaths in journal.died_in.items():
        if deaths >= _MOST_DEATHS:
            failure = CaseFailure(Outcome.CRASHED, f"the process died {deaths} times measuring it")
            session.end(name, outcome_of(name, unknown_identity(name), failure), 0.0)
    return session


def _session(options: Options, journal: Journal, started: float) -> Session:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    process = Process(id=uuid.uuid4().hex[:12], started=now)
    journal.append(Entry(kind="process", process=process))
    return Session(options, journal.header.machine, journal, process.id, started)


def _facts() -> dict[str, Fact]:
    known = facts.collect()
    return known | backend.facts(known)


def _changed(header: Header, known: dict[str, Fact]) -> str | None:
    """The first stable fact that differs from when the run began."""
    if header.protocol != protocol.PROTOCOL:
        return f"the measuring protocol went from {header.protocol} to {protocol.PROTOCOL}"
    for name, about in FIELDS.items():
        before, now = header.machine.facts.get(name), known.get(name)
        if about.kind != "volatile" and before != now:
            return f"{about.label} went from {before!r} to {now!r}"
    return None
