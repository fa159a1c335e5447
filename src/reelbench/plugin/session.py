"""A measuring session: what the machine can do, which cases fit the budget, and the journal."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import structs

from reelbench.implementations import REFERENCE
from reelbench.measure import build, choosing, clock, compiling, no_worse, protocol
from reelbench.measure.cache import Place
from reelbench.measure.failure import CaseFailure
from reelbench.measure.record import Limits, record
from reelbench.measure.workload import Workload
from reelbench.merge import statistics_of
from reelbench.plugin import budget, merging, planning
from reelbench.plugin.chooser import Chooser
from reelbench.plugin.options import Options
from reelbench.plugin.planning import Work
from reelbench.plugin.steadiness import Steadiness
from reelbench.results import journal as journals
from reelbench.results import store
from reelbench.results.journal import Entry, Journal
from reelbench.results.outcome import Outcome
from reelbench.results.schema import (
    CaseOutcome,
    CaseRecord,
    Identity,
    Machine,
)
from reelbench.units import print_duration

# A doubled batch that gains less than this has stopped paying.
_LEAST_GAIN = 0.05
# Share of the budget kept for what happens before the session begins and after it ends.
_RESERVED = 0.04
# A case's first call must come back within four times its estimate, and gets ten seconds at least.
_SLOWEST = 4.0
# Share of the time left that may go into finding a case's fastest implementations, the first time,
# and of what no case to come will want.
_CHOOSING, _CHOOSING_SPARE = 0.1, 0.5
_SHORTEST_ALLOWANCE_S = 10.0
# Share of the time left in which cases may be traced to plan the rest.
_PLANNING = 0.2

Prepared = tuple[compiling.Compiled, clock.Call]


@dataclass
class Session:
    """One process's share of a run.

    Attributes:
        options: What the user asked for.
        machine: The machine, with its ceilings in this session.
        journal: Where every outcome goes at once.
        process: Id of this process.
        estimates: What each planned case will cost, by name.
        replicated: Whether further processes have measured all that they are going to.
    """

    options: Options
    machine: Machine
    journal: Journal
    process: str
    started: float
    estimates: dict[str, budget.Estimate] = field(default_factory=dict)
    replicated: bool = field(init=False)
    _traced: dict[str, compiling.Traced] = field(default_factory=dict)
    _order: int = 0
    _again_s: dict[str, float] = field(default_factory=dict)
    _extra_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.replicated = self.options.runs == 1

    @property
    def time_left_s(self) -> float:
        """What is left of the budget, less what starting and ending pytest take."""
        return (1 - _RESERVED) * self.options.budget_s - (time.monotonic() - self.started)

    @property
    def free_s(self) -> float:
        """What is left of the budget for the first process: the others measure its cases again."""
        others = self.options.runs - 1
        if not others:
            return self.time_left_s
        # Where the budget hardly starts them, fewer processes are better than no cases.
        starting = min(others * budget.START_S, max(self.time_left_s, 0.0) / 2)
        owed = sum(others * self.again_s(name) for name in self.journal.first_timed)
        return self.time_left_s - starting - owed

    def again_s(self, name: str) -> float:
        """What measuring a timed case in one further process will take.

        Its program is traced there too, to be known as the same, and only then loaded.
        """
        if name not in self._again_s:
            record = merging.record_of(self.journal.first_timed[name])
            (first, *_) = record.timing.replicates
            rounds = sum(first.rounds_s) * first.iterations
            tracing = record.compilation.trace_s + record.compilation.lower_s
            overhead = budget.AGAIN_OVERHEAD_S + tracing + sum(first.warmup_s)
            self._again_s[name] = overhead + rounds
        return self._again_s[name]

    @property
    def limits(self) -> Limits:
        """What this session's cases are held against."""
        machine = self.machine
        return Limits(machine.ceilings, machine.floor_s or 0.0, self.wander)

    @property
    def wander(self) -> float | None:
        """How far a second's median wanders, by what is known of it so far."""
        return self._steadiness.wander

    @cached_property
    def _steadiness(self) -> Steadiness:
        return Steadiness(self.journal, self.options.budget_s, self.machine.wander)

    def plan(
        self, works: Mapping[str, Work], core: set[str], last: Collection[str] = ()
    ) -> list[str]:
        """Put the cases in the order in which they are worth their time.

        Args:
            works: The work of the cases by full name. Of what planning has no time to trace no more
                is known than of what only running the test tells.
            core: Names of the cases to keep when time is short.
            last: Names of those that gain by what is found out in others: of a whole model, whose
                operations are those of its layers, the fastest implementations are known then.

        Returns:
            Names of all cases, core cases first, cheapest first among both; then the last.
        """
        options = self.options
        until = time.monotonic() + _PLANNING * self.time_left_s
        self._traced = planning.traced_until(works, until)
        estimates = [
            budget.estimate(
                name,
                core=name in core,
                roofline_s=planning.least_seconds(
                    work, self._traced.get(name), self.machine.ceilings
                ),
                max_time_s=options.max_time_s,
                min_rounds=options.min_rounds,
                runs=options.runs,
            )
            for name, work in works.items()
        ]
        estimates = budget.in_order(estimates, last)
        self.estimates = {each.name: each for each in estimates}
        return list(self.estimates)

    def expected(self) -> list[budget.Estimate]:
        """The cases still to come that will fit into the time left, at the pace so far."""
        ended, pace = self.journal.ended, self._pace
        ahead = [
            replace(each, total_s=pace * each.first_s + each.again_s)
            for each in self.estimates.values()
            if each.name not in ended
        ]
        return budget.choose(ahead, self.free_s)[0]

    @property
    def _choosing_s(self) -> float:
        """How long a case may look for its fastest implementations."""
        spare = self.free_s - sum(each.total_s for each in self.expected())
        return max(_CHOOSING * self.free_s, _CHOOSING_SPARE * spare, 0.0)

    @property
    def _pace(self) -> float:
        """What the timed cases took over what they were estimated to take."""
        # A case that was not timed ended early and says nothing of how long the others take.
        timed = [entry for entry in self.journal.ended.values() if entry.benchmark]
        estimated = sum(entry.estimated_s for entry in timed)
        return sum(entry.spent_s for entry in timed) / estimated if estimated else 1.0

    def allowance_s(self, name: str) -> float:
        """How long a case may take until its first call has returned.

        Four times its estimate, or half of what the others will leave of the budget: a larger
        budget, or fewer cases, gives a slow case the time it needs.
        """
        planned = self.estimates.get(name)
        usual = _SLOWEST * planned.first_s if planned else 0.0
        others = sum(each.total_s for each in self.expected() if each.name != name)
        wanted = max(usual, 2 * _SHORTEST_ALLOWANCE_S, (self.free_s - others) / 2)
        wanted += self._choosing_s  # used up where implementations are chosen
        return max(_SHORTEST_ALLOWANCE_S, min(wanted, self.free_s))

    def begin(self, name: str) -> None:
        """Begin a case; nothing is built yet.

        Raises:
            CaseFailure: It does not fit into the time left; `end` must be told.
        """
        self._order += 1
        self.append(Entry(kind="begin", name=name))
        planned = self.estimates.get(name)
        seconds = self._pace * planned.first_s + planned.again_s if planned else 0.0
        if not self.journal.first_timed and planned:
            seconds = planned.first_s  # one case in few processes is better than none
        if seconds >= self.free_s:
            raise CaseFailure(
                Outcome.OVER_BUDGET,
                f"about {print_duration(seconds)} by its roofline, more than was left",
                estimated_s=seconds,
            )

    def prepare(self, name: str, workload: Workload) -> Prepared:
        """Compile a case and check it; nothing is timed yet.

        Raises:
            CaseFailure: The case cannot or must not be timed; `end` must be told.
        """
        self._refuse_saturated(workload.identity)
        traced = self._traced.pop(name, None)
        place = self.place(name)
        if workload.identity.implementation == REFERENCE:
            return protocol.prepare(traced or compiling.trace(workload), place)
        prepared = self._chooser.prepare(name, workload, self._choosing_s, place)
        if workload.identity.implementation != choosing.BEST:
            return prepared
        written = self._chooser.as_written(workload.identity)
        no_worse.refuse_slower(
            prepared[1],
            written["timing"]["median_s"] if written else None,
            lambda: protocol.prepare(compiling.trace(workload), None)[1],
        )
        return prepared

    @cached_property
    def _chooser(self) -> Chooser:
        return Chooser(self.machine, self.journal)

    def place(self, name: str) -> Place | None:
        """Where the programs of a case are kept for further processes, if there will be any."""
        return Place.of(self.programs, name) if self.options.runs > 1 else None

    @property
    def programs(self) -> Path:
        """Folder of the compiled programs; it lives as long as the journal."""
        return self.journal.path.with_suffix(".programs")

    def time(self, name: str, prepared: Prepared, timer: protocol.Timer) -> CaseRecord:
        """Time a prepared case.

        Raises:
            CaseFailure: Its rounds would take longer than is left.
        """
        for reading in self._steadiness.read():
            self.append(reading)
        compiled, call = prepared
        planned = self.estimates.get(name)
        share = self.free_s - self._core_left_s(name)
        effort = self._effort()
        replicate, notes = protocol.time_(
            call,
            timer,
            effort,
            process=self.process,
            order=self._order - 1,
            # What was planned for a case is its own, whatever the others took.
            time_left_s=min(max(share, planned.first_s if planned else 0.0), self.free_s),
        )
        taken = sum(replicate.rounds_s) * replicate.iterations
        self._extra_s[name] = max(0.0, taken - effort.max_time_s) if effort.width else 0.0
        made = record(compiled, replicate, self.limits)
        if effort.width and self.options.runs == 1:
            notes += merging.wider_than(made.timing, effort.width)
        if made.identity.implementation != REFERENCE:
            notes += no_worse.more_memory(made.memory, self._chooser.as_written(made.identity))
        notes += self._chooser.warnings(name)
        return structs.replace(
            made,
            warnings=[*made.warnings, *notes],
            operations=self._chooser.operations(name),
        )

    def _effort(self) -> protocol.Effort:
        """How much the case at hand is timed: what nobody else needs is shared by all to come."""
        options, ahead = self.options, self.expected()
        spare = self.free_s - sum(each.total_s for each in ahead)
        share = max(spare, 0.0) / max(len(ahead), 1) / options.runs
        return protocol.Effort(
            options.max_time_s, options.min_rounds, options.width, options.max_time_s + share
        )

    def _core_left_s(self, name: str) -> float:
        """Time that the core cases still to come will take, which a slow case must not eat."""
        return sum(each.total_s for each in self.expected() if each.core and each.name != name)

    def _refuse_saturated(self, case: Identity) -> None:
        """Stop doubling the batch where the last doubling failed or did not pay."""
        if not self.options.doubles_batch or case.family == build.OWN_FAMILY:
            return
        smaller = [
            (entry.outcome.identity.batch, _clips_per_s(entry))
            for entry in self.journal.ended.values()
            if entry.outcome and _is_smaller(entry.outcome.identity, case)
        ]
        *_, before, last = [(0, None), (0, None), *sorted(smaller, key=lambda pair: pair[0])]
        if last[0] and not last[1]:
            raise CaseFailure(Outcome.SATURATED, f"batch {last[0]} could not be timed already")
        if last[1] and before[1] and last[1] < before[1] * (1 + _LEAST_GAIN):
            raise CaseFailure(
                Outcome.SATURATED,
                f"from batch {before[0]} to {last[0]} clips/s rose by less than {_LEAST_GAIN:.0%}",
            )

    def end(
        self,
        name: str,
        outcome: CaseOutcome | None,
        spent_s: float,
        benchmark: dict[str, Any] | None = None,
    ) -> None:
        """Write what became of a case to the journal; without an outcome it leaves the run.

        Raises:
            StoreError: The disk took no more.
        """
        planned = self.estimates.get(name)
        self.append(
            Entry(
                kind="case",
                name=name,
                outcome=outcome,
                benchmark=benchmark,
                spent_s=spent_s,
                estimated_s=(planned.first_s if planned else 0.0) + self._extra_s.get(name, 0.0),
            )
        )

    def append(self, entry: Entry) -> None:
        """Write a line to the journal.

        Raises:
            StoreError: The disk took no more.
        """
        try:
            self.journal.append(entry)
        except OSError as error:
            raise _unwritable(self.journal.path, error) from None

    def eta_s(self) -> float:
        """Time that the cases still to come will take."""
        return sum(each.total_s for each in self.expected())

    def document(self) -> dict[str, Any]:
        """The result file, as far as the run has come."""
        return journals.document(self.journal, self.wander)

    def finish(self) -> Path | None:
        """Turn the journal into a result file when every planned case has an outcome.

        Returns:
            The file, or None when cases or replicates are missing and the journal stays.

        Raises:
            StoreError: The file could not be written; the journal stays.
        """
        if self.journal.missing or not self.replicated:
            self.journal.close()
            return None
        path = self.journal.path.with_suffix(".json")
        try:
            store.write_new(path, journals.encode(self.document()))
        except OSError as error:
            self.journal.close()
            raise _unwritable(path, error) from None
        self.journal.close(remove=True)
        shutil.rmtree(self.programs, ignore_errors=True)
        return path

    def tell(self, benchmarks: Iterable[Any]) -> None:
        """Let pytest-benchmark's own table have the rounds of all processes."""
        for each in benchmarks:
            entry = self.journal.ended.get(each.fullname)
            if self.options.runs > 1 and entry and entry.benchmark:
                block = entry.benchmark["extra_info"]["reelbench"]
                rounds = [s for r in block["timing"]["replicates"] for s in r["rounds_s"]]
                each.stats = statistics_of(rounds)
                each.extra_info["reelbench"] = block

    def merge(self, trouble: str = "") -> None:
        """Let one record of what all processes measured be the last word on each case.

        Args:
            trouble: Why there are fewer processes than were asked for, if there are.

        Raises:
            StoreError: The disk took no more.
        """
        options, tried = self.options, self.journal.replicates
        for name, first in self.journal.first_timed.items():
            others = tried.get(name, [])
            benchmark = merging.merge(
                first,
                others,
                merging.Asked(options.runs, options.width, trouble),
                limits=self.limits,
            )
            spent = first.spent_s + sum(each.spent_s for each in others)
            self.append(structs.replace(first, benchmark=benchmark, spent_s=spent))
        self.replicated = True


def outcome_of(name: str, case: Identity, failure: CaseFailure | None = None) -> CaseOutcome:
    """What became of a case, in the form of the result file."""
    if failure is None:
        return CaseOutcome(name=name, identity=case, outcome=Outcome.OK)
    return CaseOutcome(
        name=name,
        identity=case,
        outcome=failure.outcome,
        reason=failure.reason,
        advice=failure.outcome.advice,
        numbers=failure.numbers,
    )


def unknown_identity(name: str, pass_: str = "unknown") -> Identity:
    """The identity of a case that never came to say what it is."""
    return Identity(
        layer="unknown",
        preset=name,
        family="unknown",
        batch=0,
        dtype="unknown",
        pass_=pass_,
        implementation="unknown",
        precision="unknown",
    )


def _unwritable(path: Path, error: OSError) -> store.StoreError:
    return store.StoreError(
        f"{path}: cannot be written ({error.strerror or error}); what was measured before is in "
        "the journal: make room and go on with --reel-resume"
    )


def _is_smaller(one: Identity, other: Identity) -> bool:
    """Whether a case is another with fewer clips; what was chosen for either does not matter."""
    plain = [each.implementation == REFERENCE for each in (one, other)]
    like = structs.replace(one, batch=other.batch, implementation=other.implementation)
    return one.batch < other.batch and like == other and plain[0] == plain[1]


def _clips_per_s(entry: Entry) -> float | None:
    """The measured throughput of an ended case, or None when it was not timed."""
    if entry.benchmark is None:
        return None
    return float(entry.benchmark["extra_info"]["reelbench"]["rates"]["clips_per_s"])
