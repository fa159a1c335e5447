"""Which limit binds, and with how much slack: the plan again with each of them doubled."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from reelbench.capacity.drawing import Question
from reelbench.capacity.estimate import Draws, Estimate
from reelbench.capacity.outcome import Plan, Relief

_DRAWS = Draws(count=1000, by_input=False)
_NOTABLE = 0.005


@dataclass(frozen=True)
class Limit:
    """One limit of a plan.

    Attributes:
        name: Such as ``compute`` or ``storage``.
        in_use: Share of it that the plan uses, at the median; None where that says nothing.
        gain: By what share the time falls if there were twice as much of it, at the median.
        binds: Whether it is the one whose doubling helps most.
    """

    name: str
    in_use: float | None
    gain: float
    binds: bool = False


def limits(question: Question, plan: Plan) -> list[Limit]:
    """The limits that a plan has, the one that binds first, then by slack."""
    before = question.answer(_DRAWS).time.sample
    used = _in_use(question, plan)
    found = []
    for each in fields(Relief):
        name = each.name
        if name not in used:
            continue
        after = question.answer(_DRAWS, relief=Relief(**{name: 2.0})).time.sample
        gain = float(np.median(1 - after / before))
        found.append(Limit(name.replace("_", " "), used[name], max(gain, 0.0)))
    found.sort(key=lambda limit: (-limit.gain, -(limit.in_use or 0)))
    if found and found[0].gain > _NOTABLE:
        found[0] = Limit(found[0].name, found[0].in_use, found[0].gain, True)
    return found + _goals(question, plan)


def _in_use(question: Question, plan: Plan) -> dict[str, float | None]:
    """The limits that a scenario describes, with the share of each that is in use."""
    longest = max(plan.trainings, key=lambda each: each.wall.median)
    waiting = None if longest.waiting is None else longest.waiting.median
    used: dict[str, float | None] = {
        "compute": 1.0 if waiting is None or waiting <= 1 else 1 / waiting
    }
    if longest.communication is not None and longest.communication.median > 0:
        used["network"] = longest.communication.median
    for name in ("storage", "decoding", "host_link"):
        share: Estimate | None = getattr(longest, name)
        if share is not None:
            used[name] = (
                min(share.median, 1.0) if waiting is None else share.median / max(1.0, waiting)
            )
    if longest.layout.memory is not None:
        used["memory"] = longest.layout.memory.median
    if plan.ingest is not None:
        used["uplink"] = min((plan.ingest / plan.time).median, 1.0)
    if plan.mttf is not None:
        used["reliability"] = 1 - longest.share.median
    if plan.cap_share is not None:
        used["power"] = min(plan.cap_share.median, 1.0)
    return used


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
