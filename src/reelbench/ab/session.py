"""A whole comparison: pairs of fresh processes until every case is decided."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from reelbench import __version__
from reelbench.ab.errors import PairError
from reelbench.ab.launch import Launcher, Process
from reelbench.ab.pair import DEFAULT_SECONDS, Pairing, Spoilt, Timed, other
from reelbench.ab.sides import Side
from reelbench.machine.facts import collect
from reelbench.machine.identity import machine_id
from reelbench.results.pairs import LETTERS, Compared, ComparedSide, Letter, Pair, PairedRun
from reelbench.results.schema import Fact
from reelbench.stats.paired import pair_ratio
from reelbench.stats.verdict import judge, looks_up_to
from reelbench.units import print_duration
from reelbench.wire import Case

DEFAULT_PAIRS = 12
DEFAULT_THRESHOLD = 0.01


@dataclass(frozen=True)
class Asked:
    """What is to be compared.

    Attributes:
        a: Side A.
        b: Side B.
        cases: Rows of the catalogue or probes, for A and for B; empty where tests are compared.
        planted: Logarithm of the slowdown that B has on purpose, for each case.
        tests: Words for pytest on side A and on side B; empty where cases are compared.
        threshold: The difference that does not matter, as a share.
        pairs: Pairs at which it ends at the latest, even.
        budget_s: Time at which no further pair is begun.
        seconds: Time for the slots of a case in a pair, where calls are short.
        stops_early: Whether a case that is decided is left out of further pairs.
    """

    a: Side
    b: Side
    cases: tuple[tuple[Case, Case], ...] = ()
    planted: tuple[float | None, ...] = ()
    tests: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    threshold: float = DEFAULT_THRESHOLD
    pairs: int = DEFAULT_PAIRS
    budget_s: float | None = None
    seconds: float = DEFAULT_SECONDS
    stops_early: bool = True


Say = Callable[[str], None]


def compare(asked: Asked, say: Say = lambda _: None) -> PairedRun:
    """Run the comparison. An interrupt ends it; what was measured is kept.

    Args:
        asked: What to compare.
        say: Takes a line of progress.

    Raises:
        SideError: A side's interpreter or commit does not exist.
        PairError: A side's processes do not start.
    """
    return _Session(asked, say).run()


class _Session:
    def __init__(self, asked: Asked, say: Say) -> None:
        self._asked = asked
        self._say = say
        planted = asked.planted or (None,) * len(asked.cases)
        self._cases = [
            Compared(a_name=a.name, b_name=b.name, planted=slowdown)
            for (a, b), slowdown in zip(asked.cases, planted, strict=True)
        ]
        self._facts: dict[Letter, dict[str, Fact]] = {"a": {}, "b": {}}
        self._first: Letter = random.SystemRandom().choice(("a", "b"))
        self._started = time.monotonic()

    def run(self) -> PairedRun:
        created = datetime.now(UTC)
        machine = collect()
        early = None
        with tempfile.TemporaryDirectory(prefix="reelbench-") as scratch, ExitStack() as stack:
            launchers: dict[Letter, Launcher] = {
                letter: Launcher(side, Path(scratch), stack)
                for letter, side in zip(LETTERS, (self._asked.a, self._asked.b), strict=True)
            }
            try:
                early = self._pairs(launchers)
            except KeyboardInterrupt:
                early = "interrupted"
        self._cases = [self._judged(case) for case in self._cases]
        return PairedRun(
            version=__version__,
            created_utc=created.isoformat(timespec="seconds"),
            machine_id=machine_id(machine),
            facts=machine,
            a=ComparedSide(words=self._asked.a.words, facts=self._facts["a"]),
            b=ComparedSide(words=self._asked.b.words, facts=self._facts["b"]),
            threshold=self._asked.threshold,
            largest_pairs=self._asked.pairs,
            seconds=time.monotonic() - self._started,
            ended_early=early,
            cases=self._cases,
        )

    def _pairs(self, launchers: dict[Letter, Launcher]) -> str | None:
        """Measure pair after pair; return why it ended early, if it did."""
        longest = 0.0
        for number in range(self._asked.pairs):
            todo = self._todo()
            if (number or self._asked.cases) and not todo:
                return None
            spent = time.monotonic() - self._started
            if (
                self._asked.budget_s is not None
                and number
                and (spent + longest > self._asked.budget_s)
            ):
                return f"the budget of {print_duration(self._asked.budget_s)} is used up"
            self._say(self._progress(number, todo, spent))
            before = time.monotonic()
            try:
                self._pair(number, launchers, todo)
            except PairError as error:
                if not number:
                    raise
                return f"in pair {number + 1}: {error}"
            longest = max(longest, time.monotonic() - before)
        return None

    def _progress(self, number: int, todo: Sequence[int], spent: float) -> str:
        line = f"pair {number + 1} of at most {self._asked.pairs}"
        if number:
            left = (self._asked.pairs - number) * spent / number
            line += f"; {len(self._cases) - len(todo)} of {len(self._cases)} decided; at most "
            line += f"{print_duration(left)} more"
        return line

    def _todo(self) -> list[int]:
        """The cases that need another pair."""
        return [
            index
            for index, case in enumerate(self._cases)
            if case.failure is None and not (self._asked.stops_early and self._decided(case))
        ]

    def _decided(self, case: Compared) -> bool:
        count = len(case.pairs)
        if count not in looks_up_to(self._asked.pairs):
            return False
        return self._judged(case).verdict != "undecided"

    def _pair(self, number: int, launchers: dict[Letter, Launcher], todo: list[int]) -> None:
        random.SystemRandom().shuffle(todo)
        started = self._first if number % 2 == 0 else other(self._first)
        processes: dict[Letter, Process] = {}
        try:
            for letter in (started, other(started)):
                processes[letter] = launchers[letter].start(self._command(letter))
            pairing = Pairing(processes["a"], processes["b"], seconds=self._asked.seconds)
            for letter, hello in zip(LETTERS, pairing.greet(), strict=True):
                self._facts[letter] = dict(hello.facts)
            if self._asked.cases:
                a, b = zip(*(self._asked.cases[index] for index in todo), strict=True)
                pairing.offer(list(a), list(b))
            else:
                chosen = [self._cases[index] for index in todo]
                pairing.choose([case.a_name for case in chosen], [case.b_name for case in chosen])
            self._collect(number, started, pairing, todo)
        except BaseException:
            for process in processes.values():
                process.kill()
            raise
        for process in processes.values():
            process.end()

    def _collect(self, number: int, started: Letter, pairing: Pairing, todo: Sequence[int]) -> None:
        turn = 0

        def starts() -> Letter:
            return self._first if (number + turn) % 2 == 0 else other(self._first)

        for turn, outcome in enumerate(pairing.cases(starts)):
            if self._asked.cases:
                if turn >= len(todo):
                    return  # processes that ended when all was done
                index = todo[turn]
            else:
                found = self._named(outcome)
                if found is None:
                    return
                index = found
            self._cases[index] = _with(self._cases[index], outcome, number, started)

    def _named(self, outcome: Timed | Spoilt) -> int | None:
        """The place of a test's case, which is made when it is first seen."""
        if isinstance(outcome, Timed):
            a_name, b_name = outcome.a.name, outcome.b.name
        else:
            a_name, b_name = outcome.a_name, outcome.b_name
        if not a_name:
            raise PairError(outcome.reason if isinstance(outcome, Spoilt) else "a nameless case")
        if a_name != b_name and self._asked.tests[0] == self._asked.tests[1]:
            raise PairError(f"the sides run different tests: {a_name} on A, {b_name} on B")
        for index, case in enumerate(self._cases):
            if (case.a_name, case.b_name) == (a_name, b_name):
                return index
        self._cases.append(Compared(a_name=a_name, b_name=b_name))
        return len(self._cases) - 1

    def _command(self, letter: Letter) -> list[str]:
        if self._asked.cases:
            return ["reelbench.ab.worker", "{channel}"]
        return [
            "pytest",
            # The plugin of this package, not the one that the environment may have installed.
            *("-p", "no:reelbench", "-p", "reelbench.plugin.hooks", "-p", "no:cacheprovider"),
            "--benchmark-disable",
            "--reel-serve={channel}",
            *self._asked.tests[LETTERS.index(letter)],
        ]

    def _judged(self, case: Compared) -> Compared:
        ratios = [ratio_of(pair) for pair in case.pairs]
        if len(ratios) < 2:
            return case
        found = judge(
            ratios,
            threshold=self._asked.threshold,
            largest=self._asked.pairs,
            cases=len(self._cases),
        )
        return msgspec.structs.replace(
            case,
            verdict=found.verdict.value,
            estimate=found.estimate,
            low=found.low,
            high=found.high,
            confidence=found.confidence,
            spread=found.spread,
            more_pairs=found.more_pairs,
        )


def ratio_of(pair: Pair) -> float:
    """Logarithm of time B over time A in one pair."""
    return pair_ratio((block.a_s, block.b_s) for block in pair.blocks)


def _with(case: Compared, outcome: Timed | Spoilt, number: int, started: Letter) -> Compared:
    """The case with one more pair, or with why there is none."""
    if isinstance(outcome, Spoilt):
        return msgspec.structs.replace(case, failure=outcome.reason)
    pair = Pair(
        pair=number,
        started=started,
        rounds=outcome.rounds,
        iterations=outcome.iterations,
        blocks=outcome.blocks,
        health=outcome.health,
        disturbed=outcome.disturbed,
        retries=outcome.retries,
    )
    return msgspec.structs.replace(
        case,
        identity=outcome.a.identity,
        same_program=outcome.a.program_sha256 == outcome.b.program_sha256,
        pairs=[*case.pairs, pair],
    )
