"""Measures the cases of a run again in further processes, one process after the other.

Processes, not rounds, are the replicate: what a process got by chance when it started (where code
and data lie, which cores it has) is in all of its rounds. Each further process is pytest with the
arguments of the first, so that users' own tests are measured as they are; it is told what to do,
and says what it found, through two pipes. Its order of cases is drawn anew.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from msgspec import structs

from reelbench.machine import backend
from reelbench.plugin import budget, merging
from reelbench.plugin.progress import Progress
from reelbench.plugin.session import Session
from reelbench.results.journal import Entry
from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseRecord, Process, Replicate
from reelbench.stats.timing import timing_of
from reelbench.wire import (
    Began,
    Channel,
    Closed,
    Done,
    Failed,
    Hello,
    Late,
    Measured,
    Order,
    Orders,
)

# Collecting tests and loading JAX takes seconds, on a slow disk a minute.
_START_ALLOWANCE_S = 120.0
# A case that the first process has measured comes back within four times its time and ten seconds;
# its program is compiled anew where it could not be kept.
_SLOWEST = 4.0
_SHORTEST_ALLOWANCE_S = 10.0
_FAREWELL_S = 10.0
# After so many processes in a row that came to no case there will be no other.
_MOST_BARREN = 2
_NOT_REACHED = "its test did not come to measure()"
# Another length of the environment puts the stack elsewhere, which alone can change times by some
# per cent (Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong!", 2009).
_PADDING = "REELBENCH_PADDING"
_LONGEST_PADDING = 4096


class Replicates:
    """The further processes of a run.

    Args:
        session: The run, whose first process has ended its cases.
        progress: Tells the user.
        arguments: Those of this process's pytest.
        folder: Where it was started.
    """

    def __init__(
        self, session: Session, progress: Progress, arguments: Sequence[str], folder: Path
    ) -> None:
        self._session = session
        self._progress = progress
        self._arguments = arguments
        self._folder = folder
        self._start_s = budget.START_S

    def run(self) -> None:
        """Measure every timed case in as many processes as were asked for, or as time allows.

        Raises:
            StoreError: The disk took no more.
        """
        session = self._session
        backend.release()
        trouble, barren = "", 0
        while not trouble and (owed := self._owed()):
            room = session.spending.time_left_s - self._start_s
            fit = {
                name: count
                for name, count in owed.items()
                if session.spending.again_s(name) <= room
            }
            if not fit:
                trouble = "no time was left"
                break
            # What a process did not come to is taken up first, so that no case falls behind.
            most = max(fit.values())
            names = [name for name, count in fit.items() if count == most]
            found, ending = self._measure(names, session.options.runs - most + 1)
            barren = 0 if found else barren + 1
            trouble = ending if barren == _MOST_BARREN else ""
        if trouble:
            self._progress.say(
                f"{trouble}: {len(owed)} cases stay with fewer processes than asked for"
            )
        session.merge(trouble)

    def _owed(self) -> dict[str, int]:
        """How many further processes are to measure each timed case yet, where there are some."""
        options, journal = self._session.options, self._session.journal
        tried = journal.replicates
        found = {}
        for name, first in journal.first_timed.items():
            others = tried.get(name, [])
            missing = options.runs - 1 - len(others)
            if missing > 0 and not (options.width and self._is_narrow(first, others)):
                found[name] = missing
        return found

    def _is_narrow(self, first: Entry, others: Sequence[Entry]) -> bool:
        replicates = merging.record_of(first).timing.replicates
        replicates += [each.replicate for each in others if each.replicate is not None]
        limits = self._session.limits
        timing = timing_of(replicates, limits.floor_s, limits.unsteadiness)
        return merging.narrow_enough(timing, self._session.options.width or 0.0)

    def _measure(self, names: list[str], turn: int) -> tuple[bool, str]:
        """Measure these cases in one more process; whether it settled one, and how it ended.

        A case in which the process dies or does not come back is lost, and the rest is left for
        the next process.
        """
        session = self._session
        number = sum(entry.kind == "process" for entry in session.journal.entries)
        draw = random.Random(f"{session.journal.header.run_id}/{number}")
        names = draw.sample(names, len(names))
        started = datetime.now(UTC).isoformat(timespec="seconds")
        process = Process(id=uuid.UUID(int=draw.getrandbits(128)).hex[:12], started=started)
        session.append(Entry(kind="process", process=process))
        begun = time.monotonic()
        with _started(self._arguments, self._folder, draw) as child:
            try:
                hello = child.channel.receive(_START_ALLOWANCE_S)
                if not isinstance(hello, Hello):
                    raise Closed
                child.channel.send(self._orders(process.id, names))
            except (Closed, Late):
                child.kill()
                words = f"a further process did not start but {child.last_words()}"
                return False, words
            self._start_s = time.monotonic() - begun
            return _Conversation(session, self._progress, child, names, turn).hold()

    def _orders(self, process: str, names: Sequence[str]) -> Orders:
        session = self._session
        return Orders(
            process=process,
            folder=str(session.programs),
            width=session.options.width,
            time_left_s=session.spending.time_left_s,
            cases=[self._order(name) for name in names],
        )

    def _order(self, name: str) -> Order:
        record = merging.record_of(self._session.journal.first_timed[name])
        (first,) = record.timing.replicates
        rounds = sum(first.rounds_s) * first.iterations
        return Order(name, _short(record), self._session.spending.again_s(name), 1.5 * rounds)


class _Conversation:
    """What a further process says, until it is done, dead or out of time."""

    def __init__(
        self, session: Session, progress: Progress, child: _Child, names: Sequence[str], turn: int
    ) -> None:
        self._session = session
        self._progress = progress
        self._child = child
        self._names = names
        self._turn = turn
        self._left = list(names)  # in the order in which the process comes to them
        self._begun = False
        self._since = time.monotonic()
        self._settled = 0

    def hold(self) -> tuple[bool, str]:
        """Listen to the end; whether a case was measured or lost, and how the process ended."""
        while True:
            try:
                message = self._child.channel.receive(self._allowance_s())
            except (Closed, Late) as ending:
                words = self._cut_short(isinstance(ending, Late))
                return self._settled > 0, words
            match message:
                case Began(name) if name in self._left:
                    while self._left[0] != name:
                        self._end(None, _NOT_REACHED)
                    self._begun, self._since = True, time.monotonic()
                case Measured(name, replicate) if self._is_at(name):
                    self._end(replicate)
                case Failed(name, Outcome.OVER_BUDGET, _) if self._is_at(name):
                    del self._left[0]  # it was not tried
                    self._begun = False
                case Failed(name, _, reason) if self._is_at(name):
                    self._end(None, reason)
                case Done():
                    while self._left:
                        self._end(None, _NOT_REACHED)
                    return self._settled > 0, "a further process measured nothing"
                case _:
                    words = self._cut_short(late=False)
                    return self._settled > 0, words

    def _is_at(self, name: str) -> bool:
        return self._begun and self._left[0] == name

    def _allowance_s(self) -> float:
        """How long the process may be silent."""
        if not self._begun:
            return _START_ALLOWANCE_S
        name = self._left[0]
        compiling = merging.record_of(self._session.journal.first_timed[name]).compilation.compile_s
        usual = (
            _SLOWEST * (self._session.spending.again_s(name) + compiling) + _SHORTEST_ALLOWANCE_S
        )
        return max(_SHORTEST_ALLOWANCE_S, min(usual, self._session.spending.time_left_s))

    def _end(self, replicate: Replicate | None, reason: str = "") -> None:
        name, spent = self._left.pop(0), time.monotonic() - self._since
        self._settled += self._begun
        self._begun = False
        self._session.append(
            Entry(kind="replicate", name=name, replicate=replicate, reason=reason, spent_s=spent)
        )
        session, done = self._session, len(self._names) - len(self._left)
        identity = merging.record_of(session.journal.first_timed[name]).identity
        place = f"[run {self._turn}/{session.options.runs} {done}/{len(self._names)}]"
        self._progress.again(place, identity, replicate, reason, self._eta_s())

    def _eta_s(self) -> float:
        """Time that what is left of the run will take, if each process takes as long as this."""
        session = self._session
        now = sum(map(session.spending.again_s, self._left))
        whole = budget.START_S + sum(map(session.spending.again_s, self._names))
        return min(now + (session.options.runs - self._turn) * whole, session.spending.time_left_s)

    def _cut_short(self, late: bool) -> str:
        """End the process, whose case is lost; the others are left for the next process."""
        if late:
            self._child.kill()
        words = "did not come back" if late else self._child.last_words()
        if self._left:  # otherwise it died with nothing more to do
            self._end(None, f"the process {words}")
        return f"a further process {words}"


class _Child:
    """A further process and the channel to it."""

    def __init__(self, popen: subprocess.Popen[bytes], channel: Channel, said: IO[bytes]) -> None:
        self._popen = popen
        self.channel = channel
        self._said = said

    def kill(self) -> None:
        """End the process, and what it started, at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def end(self) -> None:
        """Wait for it to end by itself, and end it if it does not."""
        self.channel.close()
        try:
            self._popen.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            self.kill()
            self._popen.wait()

    def last_words(self) -> str:
        """How it ended, with the last line that it wrote if it was not killed."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_FAREWELL_S)
        code = self._popen.poll()
        if code is not None and code < 0:
            with suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        self._said.seek(0)
        lines = [line for line in self._said.read().decode(errors="replace").splitlines() if line]
        return f"ended with {code}" + (f": {lines[-1].strip()[:200]}" if lines else "")


@contextmanager
def _started(arguments: Sequence[str], folder: Path, draw: random.Random) -> Iterator[_Child]:
    """A further process, which does not outlive this context."""
    receiving, to_child = os.pipe()
    from_child, sending = os.pipe()
    # A file, as nobody reads a pipe while cases are timed.
    with tempfile.TemporaryFile() as said:
        option = f"--reel-replicate={receiving},{sending}"
        popen = subprocess.Popen(
            [sys.executable, "-m", "pytest", option, *arguments],
            cwd=folder,
            env={**os.environ, _PADDING: "x" * draw.randrange(_LONGEST_PADDING)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            pass_fds=(receiving, sending),
            # An interrupt goes to the first process, which ends this one. A group and not a
            # session: Linux gives each session a share of the CPUs (see `machine.awake`).
            process_group=0,
        )
        os.close(receiving)
        os.close(sending)
        child = _Child(popen, Channel(from_child, to_child), said)
        try:
            yield child
        except BaseException:
            child.kill()
            raise
        finally:
            child.end()


def _short(record: CaseRecord) -> CaseRecord:
    """The record with few rounds: the other process needs no more than its form."""
    (first,) = record.timing.replicates
    brief = structs.replace(first, rounds_s=first.rounds_s[:1], warmup_s=[])
    return structs.replace(record, timing=structs.replace(record.timing, replicates=[brief]))
