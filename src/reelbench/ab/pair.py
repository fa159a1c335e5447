"""One pair of fresh processes: both stay alive, and each case is timed in both by turns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from reelbench.ab.errors import PairError
from reelbench.ab.launch import Process
from reelbench.machine.disturbances import disturbances
from reelbench.machine.health import Watch
from reelbench.results.pairs import LETTERS, Block, Letter
from reelbench.results.schema import Health
from reelbench.wire import (
    VERSION,
    Case,
    Cases,
    Closed,
    Done,
    Failed,
    Hello,
    Late,
    Message,
    Next,
    Only,
    Ready,
    Slot,
    Times,
)

# A slot is long enough to hold a round that nothing disturbed, short enough that what lasts longer
# hits both sides alike.
_SLOT_S = 0.06
# So much is discarded at the start of a slot: the other process had the caches and the cores.
_DISCARDED_S = 0.002
_SHORTEST_ROUND_S = 200e-6
_FIRST_SLOT = Slot(rounds=3, iterations=1, discarded=1)
_BLOCKS = (3, 16)
# Of the four slots of a block and all blocks together, where calls are short.
DEFAULT_SECONDS = 3.0

# A disturbance hits both sides alike, so that one more reading is all that it is worth.
_RETRIES = 1

_START_S, _PREPARE_S, _SLOT_LIMIT_S = 120.0, 1800.0, 600.0


@dataclass(frozen=True)
class Timed:
    """A case timed on both sides.

    Attributes:
        a: What side A offered.
        b: What side B offered.
        rounds: Rounds a slot.
        iterations: Calls a round.
        blocks: What was timed.
        health: What else the machine did meanwhile.
        disturbed: What disturbed it, each as ``what: how much``.
        retries: How many readings were disturbed and taken again.
    """

    a: Ready
    b: Ready
    rounds: int
    iterations: int
    blocks: list[Block]
    health: Health | None = None
    disturbed: list[str] = field(default_factory=list)
    retries: int = 0


@dataclass(frozen=True)
class Spoilt:
    """A case that could not be timed in this pair.

    Attributes:
        name: On side A, or on B where A was not asked.
        reason: Why, with the side.
        gone: Whether a process ended, so that nothing more comes of this pair.
    """

    a_name: str
    b_name: str
    reason: str
    gone: bool = False


class Pairing:
    """Times cases on two live processes.

    Args:
        a: Process of side A.
        b: Process of side B.
        seconds: Time for the slots of a case.
    """

    def __init__(self, a: Process, b: Process, *, seconds: float = DEFAULT_SECONDS) -> None:
        self._sides = {"a": a, "b": b}
        self._seconds = seconds
        self._accelerated = False

    def greet(self) -> tuple[Hello, Hello]:
        """Wait until both processes have loaded what they need.

        Raises:
            PairError: One did not start, or speaks another version.
        """
        hellos = []
        for letter in LETTERS:
            said = self._receive(letter, _START_S)
            if not isinstance(said, Hello):
                raise PairError(_lost(letter, self._sides[letter], said))
            if said.version != VERSION:
                raise PairError(
                    f"side {letter.upper()} speaks version {said.version} of the messages and this "
                    f"reelbench {VERSION}; compare commits that speak the same"
                )
            hellos.append(said)
            self._accelerated |= bool(said.facts.get("accelerated"))
        return hellos[0], hellos[1]

    def offer(self, a: list[Case], b: list[Case]) -> None:
        """Tell both workers what to offer."""
        for letter, cases in (("a", a), ("b", b)):
            try:
                self._sides[letter].channel.send(Cases(cases))
            except Closed:
                raise PairError(_lost(letter, self._sides[letter], None)) from None

    def choose(self, a: list[str], b: list[str]) -> None:
        """Tell both pytests which of the tests they found to offer; empty for all."""
        for letter, names in zip(LETTERS, (a, b), strict=True):
            try:
                self._sides[letter].channel.send(Only(names))
            except Closed:
                raise PairError(_lost(letter, self._sides[letter], None)) from None

    def cases(self, starts: Callable[[], Letter]) -> Iterator[Timed | Spoilt]:
        """Time each case that both sides offer, in the order in which they offer them.

        Args:
            starts: Which side begins the first block of the next case.

        Yields:
            A case timed, or why not.
        """
        while True:
            offered = {letter: self._receive(letter, _PREPARE_S) for letter in ("a", "b")}
            if all(isinstance(each, Done) for each in offered.values()):
                return
            outcome = self._case(offered["a"], offered["b"], starts)
            yield outcome
            if isinstance(outcome, Spoilt) and outcome.gone:
                return
            for process in self._sides.values():
                try:
                    process.channel.send(Next())
                except Closed:
                    continue  # found out when the next case is awaited

    def _case(
        self, a: Message | None, b: Message | None, starts: Callable[[], Letter]
    ) -> Timed | Spoilt:
        names = [getattr(each, "name", "") for each in (a, b)]
        a_name, b_name = (name or names[0] or names[1] or "a case" for name in names)
        for letter, said in (("a", a), ("b", b)):
            if isinstance(said, Failed):
                reason = f"side {letter.upper()}: {said.outcome}: {said.reason}"
                return Spoilt(a_name, b_name, reason)
        for letter, said in (("a", a), ("b", b)):
            if isinstance(said, Done):
                reason = f"side {letter.upper()} offers no such case"
                return Spoilt(a_name, b_name, reason, gone=True)
            if not isinstance(said, Ready):
                return Spoilt(a_name, b_name, _lost(letter, self._sides[letter], said), gone=True)
        assert isinstance(a, Ready)
        assert isinstance(b, Ready)
        try:
            return self._time(a, b, starts())
        except _SideLostError as lost:
            reason = _lost(lost.letter, self._sides[lost.letter], None)
            return Spoilt(a_name, b_name, reason, gone=True)

    def _time(self, a: Ready, b: Ready, first: Letter) -> Timed:
        # Alone, unlike when they warmed up: each while the other waits.
        calls = [min(self._slot(letter, _FIRST_SLOT)) for letter in LETTERS]
        slot, blocks = plan(max(calls), self._seconds)
        retries = 0
        while True:
            watch = Watch(self._processes(), gpus=self._accelerated)
            timed = []
            for _ in range(blocks):
                timed.append(self._block(slot, first))
                first = other(first)
            health = watch.end()
            disturbed = [str(each) for each in disturbances(health)]
            if not disturbed or retries == _RETRIES:
                return Timed(a, b, slot.rounds, slot.iterations, timed, health, disturbed, retries)
            retries += 1

    def _processes(self) -> list[int]:
        return [os.getpid(), *(process.pid for process in self._sides.values())]

    def _block(self, slot: Slot, first: Letter) -> Block:
        rounds: dict[Letter, list[list[float]]] = {"a": [], "b": []}
        second = other(first)
        for letter in (first, second, second, first):
            rounds[letter].append(self._slot(letter, slot))
        return Block(
            first=first,
            a_s=[min(each) for each in rounds["a"]],
            b_s=[min(each) for each in rounds["b"]],
            a_median_s=[float(np.median(each)) for each in rounds["a"]],
            b_median_s=[float(np.median(each)) for each in rounds["b"]],
        )

    def _slot(self, letter: Letter, slot: Slot) -> list[float]:
        try:
            self._sides[letter].channel.send(slot)
        except Closed:
            raise _SideLostError(letter) from None
        said = self._receive(letter, _SLOT_LIMIT_S)
        if not isinstance(said, Times) or not said.rounds_s or min(said.rounds_s) <= 0:
            raise _SideLostError(letter)
        return said.rounds_s

    def _receive(self, letter: str, seconds: float) -> Message | None:
        try:
            return self._sides[letter].channel.receive(seconds)
        except (Closed, Late):
            return None


class _SideLostError(Exception):
    def __init__(self, letter: Letter) -> None:
        super().__init__(letter)
        self.letter: Letter = letter


def plan(call_s: float, seconds: float) -> tuple[Slot, int]:
    """A slot, and how many blocks of four, for calls of so many seconds."""
    iterations = max(1, round(_SHORTEST_ROUND_S / call_s))
    rounds = max(1, round(_SLOT_S / (call_s * iterations)))
    discarded = round(_DISCARDED_S / call_s + 0.5) if call_s < 5 * _DISCARDED_S else 0
    slot_s = call_s * (rounds * iterations + discarded)
    fewest, most = _BLOCKS
    blocks = min(max(round(seconds / (4 * slot_s)), fewest), most)
    return Slot(rounds, iterations, discarded), blocks


def other(letter: Letter) -> Letter:
    """The other side."""
    return "b" if letter == "a" else "a"


def _lost(letter: str, process: Process, said: object) -> str:
    what = process.last_words() if said is None else "said something unexpected"
    return f"side {letter.upper()}: {what}"
