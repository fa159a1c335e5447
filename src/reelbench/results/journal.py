"""The journal of a run: each case is on disk as soon as it is known.

One JSON object a line, each synced: a kill at any moment costs the case in hand and nothing else.
The first line holds what every case shares, the others say that a process began, that a case began,
what became of a case, of a later visit to it, or of its repetition in a further process. A run that
ends well turns its journal into a result file; one that does not leaves it for ``--reel-resume``. A
last line without its newline was cut by a kill and is ignored.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec
from msgspec import structs

from reelbench.results.schema import (
    SCHEMA,
    CaseOutcome,
    Machine,
    Process,
    Reading,
    Replicate,
    Results,
    Run,
    Visit,
)

Kind = Literal["process", "begin", "case", "visit", "replicate", "standards"]

_LONGEST_REASON = 2000  # characters; the file takes 4000


class JournalError(ValueError):
    """A journal that cannot be continued; the message names the file and says what to do."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What all cases of a run share.

    Attributes:
        planned: Full names of the cases to measure, in the order of the file.
        machine_info: pytest-benchmark's, to go into the file as it is.
        commit_info: pytest-benchmark's, likewise.
        pytest_benchmark: Version of pytest-benchmark.
    """

    schema: int
    protocol: int
    version: str
    run_id: str
    created: str
    options: dict[str, Any]
    planned: list[str]
    machine: Machine
    machine_info: dict[str, Any]
    commit_info: dict[str, Any]
    pytest_benchmark: str


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line after the first.

    Attributes:
        kind: ``process``, ``begin`` (of a case), ``case`` (its end), ``visit`` (its process came
            back to it), ``replicate`` (its measurement in a further process) or ``standards``.
        name: The case's full name.
        process: The process that began.
        outcome: What became of the case.
        visit: The rounds of the visit.
        replicate: The rounds of the further process; without them it failed.
        reason: Why it failed.
        benchmark: Its entry in pytest-benchmark's form, when it was timed.
        spent_s: Wall time the case took in all.
        estimated_s: What it was planned to take.
        standards: One reading of each check standard.
    """

    kind: Kind
    name: str = ""
    process: Process | None = None
    outcome: CaseOutcome | None = None
    visit: Visit | None = None
    replicate: Replicate | None = None
    reason: str = ""
    benchmark: dict[str, Any] | None = None
    spent_s: float = 0.0
    estimated_s: float = 0.0
    standards: dict[str, Reading] = msgspec.field(default_factory=dict)


class Journal:
    """A journal open for writing, locked against a second writer."""

    def __init__(self, path: Path, file: BinaryIO, header: Header, entries: list[Entry]) -> None:
        self.path = path
        self.header = header
        self.entries: list[Entry] = []
        self._file = file
        # Asked for at every case, of which there may be thousands.
        self._ended: dict[str, Entry] = {}
        self._first_timed: dict[str, Entry] = {}
        self._take(entries)

    @classmethod
    def create(cls, path: Path, header: Header) -> Journal:
        """Begin a new journal.

        Raises:
            OSError: The file exists or cannot be written.
        """
        file = path.open("x+b", buffering=0)
        journal = cls(path, file, header, [])
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            journal._write(header)
        except BaseException:
            journal.close(remove=True)
            raise
        return journal

    @classmethod
    def reopen(cls, path: Path) -> Journal:
        """Open a journal that another process left, dropping a line it was killed in.

        Raises:
            JournalError: It cannot be read, another process is writing it, or it is of another
                schema.
        """
        with ExitStack() as stack:
            try:
                file = stack.enter_context(path.open("r+b", buffering=0))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                data = file.read()
            except BlockingIOError:
                raise JournalError(
                    f"{path}: another run is still writing it; wait for it"
                ) from None
            except OSError as error:
                raise JournalError(f"{path}: cannot be opened ({error.strerror})") from None
            whole = data[: data.rfind(b"\n") + 1]
            header, entries = _parse(path, whole)
            file.truncate(len(whole))
            file.seek(len(whole))
            stack.pop_all()  # it stays open
        return cls(path, file, header, entries)

    def append(self, entry: Entry) -> None:
        """Write one line through to the disk.

        Raises:
            OSError: The disk is full, or the file went away; what was written before stays.
            ValueError: The line could not be read back; nothing is written.
        """
        self.extend([entry])

    def extend(self, entries: Sequence[Entry]) -> None:
        """Write lines through to the disk, all of them or none.

        Raises:
            OSError: As of `append`.
            ValueError: As of `append`.
        """
        stored = list(map(_storable_entry, entries))
        self._write(*stored)
        self._take(stored)

    def _take(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.entries.append(entry)
            if entry.kind == "case":
                self._ended[entry.name] = entry
            if entry.benchmark is not None:
                self._first_timed.setdefault(entry.name, entry)

    def _write(self, *lines: msgspec.Struct) -> None:
        position = self._file.tell()
        encoded = [msgspec.json.encode(line) + b"\n" for line in lines]
        for line, text in zip(lines, encoded, strict=True):
            msgspec.json.decode(text, type=type(line))
        data = b"".join(encoded)
        try:
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(position)
            self._file.seek(position)
            raise

    @property
    def ended(self) -> Mapping[str, Entry]:
        """The last ``case`` entry of each case that has one."""
        return self._ended

    @property
    def first_timed(self) -> Mapping[str, Entry]:
        """The first entry with a timing of each case: what the first process found."""
        return self._first_timed

    @property
    def replicates(self) -> dict[str, list[Entry]]:
        """The ``replicate`` entries of each case that has some, failed ones too."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            if entry.kind == "replicate":
                found.setdefault(entry.name, []).append(entry)
        return found

    @property
    def visits(self) -> dict[str, list[Visit]]:
        """The later visits of each case that has some."""
        found: dict[str, list[Visit]] = {}
        for entry in self.entries:
            if entry.visit is not None:
                found.setdefault(entry.name, []).append(entry.visit)
        return found

    @property
    def standards(self) -> dict[str, list[Reading]]:
        """The readings of each check standard, in the order they were made."""
        found: dict[str, list[Reading]] = {}
        for entry in self.entries:
            for name, reading in entry.standards.items():
                found.setdefault(name, []).append(reading)
        return found

    @property
    def died_in(self) -> Counter[str]:
        """How often a process ended in the middle of each case that has no outcome yet."""
        ended = self.ended
        began = (e.name for e in self.entries if e.kind == "begin" and e.name not in ended)
        return Counter(began)

    @property
    def missing(self) -> list[str]:
        """Planned cases without an outcome."""
        ended = self.ended
        return [name for name in self.header.planned if name not in ended]

    def close(self, *, remove: bool = False) -> None:
        """Release the file; ``remove`` deletes it once its contents are in a result file."""
        if remove:
            self.path.unlink(missing_ok=True)
        self._file.close()


def _storable_entry(entry: Entry) -> Entry:
    if entry.outcome is not None:
        entry = structs.replace(entry, outcome=_storable(entry.outcome))
    if entry.reason:
        entry = structs.replace(entry, reason=entry.reason[:_LONGEST_REASON])
    return entry


def _storable(outcome: CaseOutcome) -> CaseOutcome:
    """The outcome as the file can hold it: numbers that JSON has, texts of bounded length."""
    return structs.replace(
        outcome,
        reason=outcome.reason[:_LONGEST_REASON],
        numbers={name: n for name, n in outcome.numbers.items() if math.isfinite(n)},
    )


def _parse(path: Path, data: bytes) -> tuple[Header, list[Entry]]:
    lines = data.splitlines()
    if not lines:
        raise JournalError(f"{path}: holds no complete line; delete it and start anew")
    try:
        header = msgspec.json.decode(lines[0], type=Header)
        entries = [msgspec.json.decode(line, type=Entry) for line in lines[1:]]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JournalError(f"{path}: is damaged ({error}); delete it and start anew") from None
    if header.schema != SCHEMA:
        raise JournalError(
            f"{path}: is of schema {header.schema}, this reelbench writes {SCHEMA}; finish it with "
            "the reelbench that began it"
        )
    return header, entries


def document(journal: Journal, wander: float | None = None) -> dict[str, Any]:
    """The result file that a journal makes, in pytest-benchmark's form with our blocks.

    Args:
        journal: Of the run.
        wander: How far a second's median wandered meanwhile, see `Machine`; None where no more is
            known of it than when the run began.
    """
    header, ended = journal.header, journal.ended
    order = [name for name in header.planned if name in ended]
    run = Run(
        schema=header.schema,
        protocol=header.protocol,
        version=header.version,
        run_id=header.run_id,
        created=header.created,
        duration_s=sum(entry.spent_s for entry in ended.values()),
        complete=not journal.missing,
        options=header.options,
        processes=[e.process for e in journal.entries if e.process is not None],
        outcomes=[entry.outcome for name in order if (entry := ended[name]).outcome],
        standards=journal.standards,
    )
    machine = header.machine if wander is None else structs.replace(header.machine, wander=wander)
    return {
        "machine_info": {**header.machine_info, "reelbench": msgspec.to_builtins(machine)},
        "commit_info": header.commit_info,
        "benchmarks": [ended[name].benchmark for name in order if ended[name].benchmark],
        "datetime": header.created,
        "version": header.pytest_benchmark,
        "reelbench": msgspec.to_builtins(run),
    }


def encode(made: dict[str, Any]) -> bytes:
    """Strict JSON, indented so that files diff well.

    Raises:
        msgspec.ValidationError: The document does not fit the schema.
    """
    data = msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"
    msgspec.json.decode(data, type=Results)
    return data
