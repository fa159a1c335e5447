"""How steady the machine is during a session, by the check standards read before each case."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from reelbench.measure.standards import READ_S, Standards
from reelbench.results.journal import Entry, Journal
from reelbench.stats.wandering import FEWEST_READINGS, wander_of

# Share of the budget that one reading of the check standards may take.
_READING = 1 / 1000


class Steadiness:
    """What a session's readings say; a reading is an entry of the journal like any other."""

    def __init__(self, journal: Journal, budget_s: float, tested: float | None) -> None:
        """Nothing is compiled or read yet.

        Args:
            journal: Holds the readings so far, also those of a run that goes on.
            budget_s: Of the session.
            tested: How far a second's median wanders by a self-test of the machine, if there was
                one.
        """
        self._journal = journal
        self._seconds = min(READ_S, _READING * budget_s)
        self._tested = tested

    @property
    def wander(self) -> float | None:
        """How far a second's median wanders, by what is known of it so far."""
        return wander_of(self._journal.standards, self._tested)

    @cached_property
    def _standards(self) -> Standards:
        return Standards()

    def read(self) -> Iterator[Entry]:
        """Time the check standards; until there are enough readings, more than once.

        Yields:
            Entries for the journal; none where a large case has left the standards no room.
        """
        known = map(len, self._journal.standards.values())
        for _ in range(max(1, FEWEST_READINGS - min(known, default=0))):
            if readings := self._standards.read(self._seconds):
                yield Entry(kind="standards", standards=readings)
