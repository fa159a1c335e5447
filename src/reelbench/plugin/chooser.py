"""What computes the cases of a session: the fastest way known here, or the one that was named."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Any

from msgspec import structs

from reelbench.implementations import REFERENCE
from reelbench.measure import choosing, clock, compiling, no_worse, protocol
from reelbench.measure.cache import Place
from reelbench.measure.failure import CaseFailure
from reelbench.measure.remembered import Remembered
from reelbench.measure.workload import Workload
from reelbench.results.journal import Journal
from reelbench.results.outcome import Outcome
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
        self._given_up: dict[str, list[str]] = {}

    def prepare(
        self, name: str, workload: Workload, seconds: float, place: Place | None
    ) -> tuple[compiling.Compiled, clock.Call]:
        """Compile a case with what computes its operations best, or as was named, and check it.

        Where the whole disagrees with the layer as it is written, though each operation alone does
        not, what was chosen is given up, one implementation after another, until it agrees. What
        was named by a user is not.

        Args:
            name: Of the case.
            workload: The layer as it is written, under the name of what is wanted.
            seconds: Time after which nothing further is tried.
            place: Where its programs are kept, see `reelbench.measure.cache`.

        Raises:
            NoOtherWayError: No operation in it has another implementation.
            CaseFailure: The case cannot or must not be timed; ``reference_is_best``: no way to
                compute it is faster, fits and agrees.
        """
        wanted = workload.identity.implementation
        given_up = self._given_up[name] = []
        while True:
            try:
                traced = self._trace(name, workload, seconds, given_up)
            except (CaseFailure, choosing.NoOtherWayError):
                if not given_up:
                    raise
                reason = f"what may be faster disagrees with it: {', '.join(given_up)}"
                raise CaseFailure(Outcome.REFERENCE_IS_BEST, reason) from None
            try:
                with no_worse.fits_or_as_written() if wanted == choosing.BEST else nullcontext():
                    return protocol.prepare(traced, place)
            except CaseFailure as failure:
                choice = self._choices.get(name)
                if choice is None or wanted not in (choosing.BEST, choosing.FASTEST):
                    raise
                if failure.outcome is Outcome.DISAGREES_WITH_REFERENCE:
                    given_up.append(choice.implementations[0])
                elif wanted == choosing.FASTEST and failure.outcome in no_worse.DOES_NOT_FIT:
                    given_up += choice.implementations
                else:
                    raise

    def _trace(
        self, name: str, workload: Workload, seconds: float, without: Collection[str]
    ) -> compiling.Traced:
        """Trace a case with what computes its operations best, or as was named.

        Args:
            name: Of the case.
            workload: The layer as it is written, under the name of what is wanted.
            seconds: Time after which nothing further is tried.
            without: Implementations that are not to be chosen.

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
            without=without,
        )
        self._choices.pop(name, None)
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
        """What was given up, and whether time was up before every way had been tried."""
        found = []
        if self._given_up.get(name):
            names = ", ".join(self._given_up[name])
            found.append(f"given up, as the whole does not agree or fit with it: {names}")
        choice = self._choices.get(name)
        if choice is not None and choice.cut_short:
            some = f"{choice.cut_short} of {len(choice.operations)} operations"
            found.append(f"time was up before every way was tried: {some}")
        return found

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
