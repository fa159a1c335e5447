"""What computes the cases of a session: the fastest way known here, or the one that was named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from msgspec import structs

from reelbench.implementations import REFERENCE
from reelbench.measure import choosing, compiling
from reelbench.measure.remembered import Remembered
from reelbench.measure.workload import Workload
from reelbench.results.journal import Journal
from reelbench.results.schema import ChosenOperation, Identity, Machine


class Chooser:
    """Chooses the implementations of a session's cases.

    Args:
        machine: The machine that it runs on.
        journal: Of the session.
    """

    def __init__(self, machine: Machine, journal: Journal) -> None:
        self._machine = machine
        self._journal = journal
        self._choices: dict[str, choosing.Choice] = {}

    def trace(self, name: str, workload: Workload, seconds: float) -> compiling.Traced:
        """Trace a case with what computes its operations best, or as was named.

        Args:
            name: Of the case.
            workload: The layer as it is written, under the name of what is wanted.
            seconds: Time after which nothing further is tried.

        Raises:
            NoOtherWayError: No operation in it has another implementation.
            CaseFailure: ``reference_is_best``: none of them is faster.
        """
        wanted = workload.identity.implementation
        choice = choosing.choose(
            workload,
            choosing.limits_of(self._machine.facts),
            self._remembered,
            seconds,
            only=None if wanted in (choosing.BEST, choosing.FASTEST) else wanted,
        )
        if wanted == choosing.FASTEST and not choice.chosen:
            identity = structs.replace(workload.identity, implementation=REFERENCE)
            return compiling.trace(replace(workload, identity=identity))
        self._choices[name] = choice
        return compiling.trace(choosing.with_choice(workload, choice))

    def operations(self, name: str) -> list[ChosenOperation]:
        """What was chosen for the operations of a case."""
        choice = self._choices.get(name)
        return list(choice.operations) if choice else []

    def warnings(self, name: str) -> list[str]:
        """Whether time was up before every way to compute a case had been tried."""
        choice = self._choices.get(name)
        if choice is None or not choice.cut_short:
            return []
        some = f"{choice.cut_short} of {len(choice.operations)} operations"
        return [f"time was up before every way was tried: {some}"]

    def as_written(self, case: Identity) -> Mapping[str, Any] | None:
        """The record of the same layer as it is written, if it was timed before."""
        wanted = structs.replace(case, implementation=REFERENCE)
        for entry in self._journal.ended.values():
            if entry.benchmark and entry.outcome and entry.outcome.identity == wanted:
                record: Mapping[str, Any] = entry.benchmark["extra_info"]["reelbench"]
                return record
        return None

    @cached_property
    def _remembered(self) -> Remembered:
        return Remembered(self._machine.id, self._machine.facts)
