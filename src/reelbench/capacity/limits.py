"""Which limit binds, and with how much slack: the plan again with each of them doubled."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from reelbench.capacity.estimate import Draws, Estimate, minimum
from reelbench.capacity.outcome import Plan, Relief
from reelbench.capacity.question import Question

_DRAWS = Draws(count=1000, by_input=False)
_NOTABLE = 0.005


@dataclass(frozen=True)
class Limit:
    """One limit of a plan.

    Attributes:
        name: Such as ``compute`` or ``storage``.
        in_use: Share of it that the plan uses, at the median; more than all where it would have to.
        gain: By what share the time falls if there were twice as much of it, at the median.
        binds: Whether it is the one whose doubling helps most.
    """

    name: str
    in_use: float
    gain: float
    binds: bool = False


def limits(question: Question, plan: Plan) -> list[Limit]:
    """The limits that a plan has, the one that binds first, then by slack."""
    before = question.answer(_DRAWS).time.sample
    used = _in_use(plan)
    found = []
    for each in fields(Relief):
        name = each.name
        if name not in used:
            continue
        after = question.answer(_DRAWS, relief=Relief(**{name: 2.0})).time.sample
        gain = float(np.median(1 - after / before))
        found.append(Limit(name.replace("_", " "), used[name], max(gain, 0.0)))
    found.sort(key=lambda limit: (-limit.gain, -limit.in_use))
    if found and found[0].gain > _NOTABLE:
        found[0] = Limit(found[0].name, found[0].in_use, found[0].gain, True)
    return found + _goals(question, plan)


def _in_use(plan: Plan) -> dict[str, float]:
    """The limits that a scenario describes, with the share of each that is in use.

    Of several models the one counts that uses most of a limit.
    """
    used: dict[str, list[float]] = {}

    def note(name: str, estimate: Estimate | None) -> None:
        if estimate is not None:
            used.setdefault(name, []).append(estimate.median)

    for each in plan.trainings:
        longer = 1.0 if each.waiting is None else max(each.waiting.median, 1.0)
        used.setdefault("compute", []).append(1 / longer)
        for name in ("storage", "decoding", "host_link"):
            need: Estimate | None = getattr(each, name)
            note(name, None if need is None else minimum(need / longer, 1))
        if each.communication is not None and each.communication.median > 0:
            note("network", each.communication)
        note("memory", each.layout.memory)
        if plan.mttf is not None:
            note("reliability", 1 - each.share)
    note("uplink", None if plan.ingest is None else plan.ingest / plan.time)
    note("power", None if plan.cap_share is None else plan.cap_share)
    return {name: max(shares) for name, shares in used.items()}


def _goals(question: Question, plan: Plan) -> list[Limit]:
    """The goals a scenario sets, as limits: what share of them the plan takes."""
    goal = question.scenario.goal
    found = []
    if goal.deadline is not None:
        found.append(Limit("deadline", plan.time.median / goal.deadline.spread.low, 0.0))
    if goal.budget is not None and plan.cost is not None:
        found.append(Limit("budget", plan.cost.median / goal.budget.spread.low, 0.0))
    stored = question.scenario.feed.storage_size
    if stored is not None and plan.demand.size is not None:
        found.append(Limit("storage size", plan.demand.size.median / stored.spread.low, 0.0))
    return found
