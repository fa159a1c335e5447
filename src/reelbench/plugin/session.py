"""A measuring session: what the machine can do, which cases fit the budget, and the journal."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec import structs

from reelbench.implementations import REFERENCE
from reelbench.machine import backend
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
from reelbench.plugin.spending import Spending
from reelbench.plugin.steadiness import Steadiness
from reelbench.plugin.visits import Visits
from reelbench.results import journal as journals
from reelbench.results import store
from reelbench.results.journal import Entry, Journal
from reelbench.results.outcome import Outcome
from reelbench.results.schema import (
    CaseOutcome,
    CaseRecord,
    Identity,
    Machine,
    Replicate,
)
from reelbench.stats.timing import Unsteadiness, timing_of
from reelbench.stats.visits import usual
from reelbench.units import print_duration

# A doubled batch that gains less than this has stopped paying.
_LEAST_GAIN = 0.05
# Share of the budget between two visits to a case: long enough for a machine to change, and short
# enough that most visits are made before a first call that does not return ends the process.
_APART = 1 / 6
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
        replicated: Whether further processes have measured all that they are going to.
    """

    options: Options
    machine: Machine
    journal: Journal
    process: str
    started: float
    replicated: bool = field(init=False)
    _traced: dict[str, compiling.Traced] = field(default_factory=dict)
    _order: int = 0

    def __post_init__(self) -> None:
        self.replicated = self.options.runs == 1

    @property
    def limits(self) -> Limits:
        """What this session's cases are held against."""
        machine = self.machine
        return Limits(machine.ceilings, machine.floor_s or 0.0, Unsteadiness(self.wander))

    @property
    def wander(self) -> float | None:
        """How far a second's median wanders, by what is known of it so far."""
        return self._steadiness.wander

    @cached_property
    def spending(self) -> Spending:
        """The budget, and what cases cost of it."""
        visits = self._visits if self.options.runs == 1 else None
        return Spending(self.options, self.journal, visits, self.started)

    @cached_property
    def _visits(self) -> Visits:
        return Visits(_APART * self.options.budget_s, narrows=self.options.width is not None)

    @cached_property
    def _steadiness(self) -> Steadiness:
        return Steadiness(self.journal, self.options.budget_s, self.machine.wander)

    def plan(
        self,
        works: Mapping[str, Work],
        core: set[str],
        last: Collection[str] = (),
        turns: Mapping[str, int] | None = None,
    ) -> list[str]:
        """Put the cases in the order in which they are worth their time.

        Args:
            works: The work of the cases by full name. Of what planning has no time to trace no more
                is known than of what only running the test tells.
            core: Names of the cases to keep when time is short.
            last: Names of those that gain by what is found out in others: of a whole model, whose
                operations are those of its layers, the fastest implementations are known then.
            turns: How many dtypes and batches of the same come before a case; none by default.

        Returns:
            Names of all cases, core cases first, by turns, cheapest first; then the last.
        """
        options = self.options
        until = time.monotonic() + _PLANNING * self.spending.time_left_s
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
                overhead_s=budget.OVERHEAD_ON_ACCELERATOR_S
                if backend.is_accelerator()
                else budget.OVERHEAD_S,
                turn=turns[name] if turns else 0,
            )
            for name, work in works.items()
        ]
        estimates = budget.in_order(estimates, last)
        self.spending.plan({each.name: each for each in estimates})
        return list(self.spending.estimates)

    def leave_out(self, cases: Mapping[str, Identity]) -> None:
        """Write down cases that were never begun.

        Raises:
            StoreError: The disk took no more.
        """
        self._append(
            Entry(
                kind="case",
                name=name,
                outcome=outcome_of(name, identity, self._too_late(name)),
                spent_s=0.0,
                estimated_s=self.spending.estimated_s(name),
            )
            for name, identity in cases.items()
        )

    def _too_late(self, name: str) -> CaseFailure:
        seconds = self.spending.needed_s(name)
        return CaseFailure(
            Outcome.OVER_BUDGET,
            f"about {print_duration(seconds)} by its roofline, more than was left",
            estimated_s=seconds,
        )

    def begin(self, name: str) -> None:
        """Begin a case; nothing is built yet.

        Raises:
            CaseFailure: It does not fit into the time left; `end` must be told.
        """
        self._order += 1
        self.append(Entry(kind="begin", name=name))
        if self.spending.needed_s(name) >= self.spending.free_s:
            raise self._too_late(name)

    def prepare(self, name: str, workload: Workload) -> Prepared:
        """Compile a case and check it; nothing is timed yet.

        Raises:
            CaseFailure: The case cannot or must not be timed; `end` must be told.
        """
        self._refuse_saturated(workload.identity)
        try:
            return self._prepare(name, workload)
        except CaseFailure as failure:
            if failure.outcome not in no_worse.DOES_NOT_FIT or not self._visits.release():
                raise
        return self._prepare(name, workload)  # with what was kept for later visits let go

    def _prepare(self, name: str, workload: Workload) -> Prepared:
        traced = self._traced.pop(name, None)
        place = self.place(name)
        if workload.identity.implementation == REFERENCE:
            return protocol.prepare(traced or compiling.trace(workload), place)
        prepared = self._chooser.prepare(name, workload, self.spending.choosing_s, place)
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
        size = compiled.memory.argument_bytes
        effort = self.spending.effort()
        started = time.monotonic()
        replicate, notes = protocol.time_(
            call,
            timer,
            effort,
            process=self.process,
            order=self._order - 1,
            time_left_s=self.spending.share_s(name),
        )
        if self.options.runs == 1 and self._visits.affords(size):
            self._visits.keep(
                name, call, timer, replicate, size=size, took_s=time.monotonic() - started
            )
        taken_s = sum(replicate.rounds_s) * replicate.iterations
        self.spending.narrowed(name, taken_s, effort)
        made = record(compiled, replicate, self.limits)
        if made.identity.implementation != REFERENCE:
            notes += no_worse.more_memory(made.memory, self._chooser.as_written(made.identity))
        notes += self._chooser.warnings(name)
        return structs.replace(
            made,
            warnings=[*made.warnings, *notes],
            operations=self._chooser.operations(name),
        )

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
        self.append(
            Entry(
                kind="case",
                name=name,
                outcome=outcome,
                benchmark=benchmark,
                spent_s=spent_s,
                estimated_s=self.spending.estimated_s(name),
            )
        )

    def append(self, entry: Entry) -> None:
        """Write a line to the journal.

        Raises:
            StoreError: The disk took no more.
        """
        self._append([entry])

    def _append(self, entries: Iterable[Entry]) -> None:
        try:
            self.journal.extend(list(entries))
        except OSError as error:
            raise _unwritable(self.journal.path, error) from None

    def come_back(self) -> None:
        """Visit the cases whose latest visit is long enough ago.

        Raises:
            StoreError: The disk took no more.
        """
        for name in self._visits.due():
            self._visit(name)

    def prepare_for_loss(self, workload: Workload) -> None:
        """Visit what is kept before a case that may never return, and take the process with it.

        Raises:
            StoreError: The disk took no more.
        """
        if self._visits.early() and choosing.may_not_return(workload):
            for name in self._visits.early():
                self._visit(name, early=True)

    def visit_rest(self) -> None:
        """Visit the cases that lack visits; then those whose interval is wider than asked.

        Raises:
            StoreError: The disk took no more.
        """
        for name in self._visits.rest():
            self._visit(name)
        while wide := self._too_wide():
            for name in random.sample(wide, len(wide)):
                self._visit(name)

    def _visit(self, name: str, *, early: bool = False) -> None:
        if self._visits.visit_s(name) > self.spending.time_left_s:
            self._visits.give_up(name)
        elif visit := self._visits.visit(name, self.spending.time_left_s, early=early):
            self.append(Entry(kind="visit", name=name, visit=visit))

    def _too_wide(self) -> list[str]:
        """The cases whose interval is wider than asked, and that more visits could narrow."""
        width, kept = self.options.width, self._visits.kept
        if width is None or not kept:
            return []
        processes = self._processes()
        unsteadiness = Unsteadiness(self.wander, usual(processes.values()))
        timings = {
            name: timing_of([process], self.limits.floor_s, unsteadiness)
            for name, process in processes.items()
            if name in kept
        }
        return [name for name, timing in timings.items() if merging.half_width(timing) > width]

    def _processes(self) -> dict[str, Replicate]:
        """What the first process measured of each case, in all its visits."""
        visits = self.journal.visits
        return {
            name: merging.process_of(first, visits.get(name, []))
            for name, first in self.journal.first_timed.items()
        }

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
        """Let pytest-benchmark's own table have the rounds of all processes and visits."""
        for each in benchmarks:
            entry = self.journal.ended.get(each.fullname)
            if entry and entry.benchmark:
                each.stats = statistics_of(merging.record_of(entry).timing.replicates)
                each.extra_info["reelbench"] = entry.benchmark["extra_info"]["reelbench"]

    def merge(self, trouble: str = "") -> None:
        """Let one record of what all processes and visits measured be the last word on each case.

        Args:
            trouble: Why there are fewer processes than were asked for, if there are.

        Raises:
            StoreError: The disk took no more.
        """
        options, tried, visits = self.options, self.journal.replicates, self.journal.visits
        limits = self.limits
        if options.runs == 1:
            expected = usual(self._processes().values())
            limits = replace(limits, unsteadiness=Unsteadiness(self.wander, expected))
        for name, first in self.journal.first_timed.items():
            others = tried.get(name, [])
            benchmark = merging.merge(
                first,
                visits.get(name, []),
                others,
                merging.Asked(options.runs, options.width, trouble),
                limits=limits,
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
