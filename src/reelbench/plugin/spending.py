"""How a session spends its budget: what is left, what is owed, and what a case may take."""

from __future__ import annotations

import time
from collections.abc import Mapping

from reelbench.measure import protocol
from reelbench.plugin import budget, merging
from reelbench.plugin.options import Options
from reelbench.plugin.visits import Visits
from reelbench.results.journal import Journal

# Share of the budget kept for what happens before the session begins and after it ends.
_RESERVED = 0.04
# A case's first call must come back within four times its estimate, and gets ten seconds at least.
_SLOWEST = 4.0
_SHORTEST_ALLOWANCE_S = 10.0
# Share of the time left that may go into finding a case's fastest implementations, the first time,
# and of what no case to come will want.
_CHOOSING, _CHOOSING_SPARE = 0.1, 0.5


class Spending:
    """The budget of a session, and the estimates of its cases."""

    def __init__(
        self, options: Options, journal: Journal, visits: Visits | None, started: float
    ) -> None:
        """Nothing is planned yet.

        Args:
            options: What the user asked for.
            journal: What the cases so far took.
            visits: The cases that the process will come back to; None where other processes
                measure them again.
            started: When the session began, by the monotonic clock.
        """
        self.estimates: dict[str, budget.Estimate] = {}
        self._queue = budget.Queue(())
        self._options = options
        self._journal = journal
        self._visits = visits
        self._started = started
        self._again_s: dict[str, float] = {}
        self._extra_s: dict[str, float] = {}

    @property
    def time_left_s(self) -> float:
        """What is left of the budget, less what starting and ending pytest take."""
        return (1 - _RESERVED) * self._options.budget_s - (time.monotonic() - self._started)

    @property
    def free_s(self) -> float:
        """What is left of the budget for cases to come: those timed are to be timed again."""
        if self._visits:
            return self.time_left_s - self._visits.owed_s
        others = self._options.runs - 1
        # Where the budget hardly starts them, fewer processes are better than no cases.
        starting = min(others * budget.START_S, max(self.time_left_s, 0.0) / 2)
        owed = sum(others * self.again_s(name) for name in self._journal.first_timed)
        return self.time_left_s - starting - owed

    def again_s(self, name: str) -> float:
        """What measuring a timed case in one further process will take.

        Its program is traced there too, to be known as the same, and only then loaded.
        """
        if name not in self._again_s:
            record = merging.record_of(self._journal.first_timed[name])
            (first, *_) = record.timing.replicates
            rounds = sum(first.rounds_s) * first.iterations
            tracing = record.compilation.trace_s + record.compilation.lower_s
            overhead = budget.AGAIN_OVERHEAD_S + tracing + sum(first.warmup_s)
            self._again_s[name] = overhead + rounds
        return self._again_s[name]

    def plan(self, estimates: Mapping[str, budget.Estimate]) -> None:
        """Take over what each planned case will cost."""
        self.estimates = dict(estimates)
        self._queue = budget.Queue(self.estimates.values())

    @property
    def out_of_reach(self) -> list[str]:
        """Names of the planned cases that the time left cannot come to."""
        return budget.out_of_reach(list(self.estimates.values()), self.time_left_s)

    def expected(self) -> list[budget.Estimate]:
        """The cases still to come that will fit into the time left, at the pace so far."""
        return self._queue.fitting(self._journal.ended, self._pace, self.free_s)

    def eta_s(self) -> float:
        """Time that the cases still to come, and further visits, will take."""
        owed = self._visits.owed_s if self._visits else 0.0
        return owed + sum(each.total_s for each in self.expected())

    @property
    def _pace(self) -> float:
        """What the timed cases took over what they were estimated to take."""
        # A case that was not timed ended early and says nothing of how long the others take.
        ended = self._journal.ended
        timed = [ended[name] for name in self._journal.first_timed if ended[name].benchmark]
        estimated = sum(entry.estimated_s for entry in timed)
        return sum(entry.spent_s for entry in timed) / estimated if estimated else 1.0

    def first_s(self, name: str) -> float:
        """What a case was planned to take in its first visit; 0 where nothing was planned."""
        planned = self.estimates.get(name)
        return planned.first_s if planned else 0.0

    def needed_s(self, name: str) -> float:
        """What a case will take at the pace so far, as far as it must fit to be begun."""
        planned = self.estimates.get(name)
        if not planned:
            return 0.0
        if not self._journal.first_timed:
            return planned.first_s  # one case in few processes is better than none
        return self._pace * planned.first_s + planned.again_s

    def allowance_s(self, name: str) -> float:
        """How long a case may take until its first call has returned.

        Four times its estimate, or half of what the others will leave of the budget: a larger
        budget, or fewer cases, gives a slow case the time it needs.
        """
        usual = _SLOWEST * self.first_s(name)
        others = sum(each.total_s for each in self.expected() if each.name != name)
        wanted = max(usual, 2 * _SHORTEST_ALLOWANCE_S, (self.free_s - others) / 2)
        wanted += self.choosing_s  # used up where implementations are chosen
        return max(_SHORTEST_ALLOWANCE_S, min(wanted, self.free_s))

    @property
    def choosing_s(self) -> float:
        """How long a case may look for its fastest implementations."""
        spare = self.free_s - sum(each.total_s for each in self.expected())
        return max(_CHOOSING * self.free_s, _CHOOSING_SPARE * spare, 0.0)

    def share_s(self, name: str) -> float:
        """How long the rounds of a case may take."""
        # The core cases still to come must not be eaten by a slow case.
        core = sum(each.total_s for each in self.expected() if each.core and each.name != name)
        # What was planned for a case is its own, whatever the others took.
        return min(max(self.free_s - core, self.first_s(name)), self.free_s)

    def effort(self) -> protocol.Effort:
        """How much the case at hand is timed: what nobody else needs is shared by all to come."""
        options, ahead = self._options, self.expected()
        spare = self.free_s - sum(each.total_s for each in ahead)
        share = max(spare, 0.0) / max(len(ahead), 1) / options.runs
        return protocol.Effort(
            options.max_time_s, options.min_rounds, options.width, options.max_time_s + share
        )

    def narrowed(self, name: str, taken_s: float, effort: protocol.Effort) -> None:
        """Say what the rounds of a case took, of which a wanted width may have asked for more."""
        self._extra_s[name] = max(0.0, taken_s - effort.max_time_s) if effort.width else 0.0

    def estimated_s(self, name: str) -> float:
        """What a case was planned to take, with what a wanted width has asked for."""
        return self.first_s(name) + self._extra_s.get(name, 0.0)
