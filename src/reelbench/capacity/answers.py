"""Answers the other way round: devices for a deadline, a deadline for a budget, the largest work.

Each works out the plan on a grid of points at once and looks for the first, or the best, that holds
in the share of the draws that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from reelbench.capacity.estimate import Array, Draws
from reelbench.capacity.figure import Named
from reelbench.capacity.outcome import PlanError
from reelbench.capacity.quantities import NUMBER
from reelbench.capacity.question import Question
from reelbench.capacity.scenario import Scenario
from reelbench.capacity.spread import Spread

COUNT = "device.count"
_DRAWS = 1000
_MOST_DEVICES = 1e6
_POINTS = 160
_CHUNK = 256


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        value: The answer at the confidence asked for, in base units; None if nothing holds.
        low: What would do if things go well, in 1 case of 20; likewise None.
        high: What would do in 19 cases of 20.
        devices: Devices at which it holds.
        confidence: Share of the draws in which it holds.
        least: Where nothing holds, the least time or cost that any number of devices reaches at
            that confidence.
    """

    value: float | None
    low: float | None
    high: float | None
    devices: float | None
    confidence: float
    least: float | None = None


@dataclass(frozen=True)
class Grid:
    """A plan's time and cost on points: ``[points, draws]``, in s and $; the devices it uses."""

    time: Array
    cost: Array | None
    devices: Array


def grid(
    question: Question, points: Mapping[str, Array], *, draws: int = _DRAWS, seed: int = 0
) -> Grid:
    """Work out a plan on many points, some hundreds at a time."""
    count = len(next(iter(points.values())))
    made = Draws(draws, seed, by_input=False)
    parts: list[tuple[Array, Array | None, Array]] = []
    for start in range(0, count, _CHUNK):
        some = {path: values[start : start + _CHUNK] for path, values in points.items()}
        plan = question.answer(made, some)
        size = min(_CHUNK, count - start)
        whole = (size, draws)
        parts.append(
            (
                np.broadcast_to(plan.time.rows, whole),
                None if plan.cost is None else np.broadcast_to(plan.cost.rows, whole),
                np.broadcast_to(plan.devices.rows, whole),
            )
        )
    costs = [cost for _, cost, _ in parts if cost is not None]
    return Grid(
        np.concatenate([time for time, _, _ in parts]),
        np.concatenate(costs) if costs else None,
        np.concatenate([devices for _, _, devices in parts]),
    )


def devices_for(question: Question, deadline: float, confidence: float = 0.9) -> Found:
    """The fewest devices with which everything ends before a deadline of so many seconds."""
    question = with_count(question, 1)
    counts = _counts(question)
    found = grid(question, {COUNT: counts})
    met = found.time <= deadline
    value = _first(counts, met.mean(axis=1) >= confidence)
    if value is not None:
        # Between the last point that is too few and the first that is enough, every whole number.
        below = counts[counts < value]
        step = int(below[-1]) + 1 if len(below) else int(value)
        fine = _whole(step, value, _per_node(question))
        again = grid(question, {COUNT: fine}).time <= deadline
        value = _first(fine, again.mean(axis=1) >= confidence) or value
    if value is None:
        least = float(np.quantile(found.time, confidence, axis=1).min())
        return Found(None, None, None, None, confidence, least)
    low, high = (_first(counts, met.mean(axis=1) >= share) for share in (0.05, 0.95))
    # Those two are found among fewer numbers of devices than the answer itself.
    low = None if low is None else min(low, value)
    return Found(value, low, None if high is None else max(high, value), value, confidence)


def deadline_for(question: Question, budget: float, confidence: float = 0.9) -> Found:
    """The least time within a budget of so many dollars, and the devices that reach it."""
    question = with_count(question, 1)
    counts = _counts(question)
    found = grid(question, {COUNT: counts})
    if found.cost is None:
        raise PlanError("field `device.rent`: is missing; a budget needs a rent or a price")
    holds = (found.cost <= budget).mean(axis=1) >= confidence
    if not holds.any():
        least = float(np.quantile(found.cost, confidence, axis=1).min())
        return Found(None, None, None, None, confidence, least)
    middle = np.where(holds, np.median(found.time, axis=1), np.inf)
    # The first of those within a hundredth of the best: no devices for nothing.
    best = int(np.argmax(middle <= middle.min() * 1.01))
    low, high = np.quantile(found.time[best], (0.05, 0.95))
    return Found(float(middle[best]), float(low), float(high), float(counts[best]), confidence)


def largest(
    question: Question,
    path: str,
    budget: float | None,
    deadline: float | None,
    confidence: float = 0.9,
) -> Found:
    """The largest value of a figure, such as a model's parameters, within a budget and a date.

    Args:
        question: Its device count is kept where it is given, otherwise chosen for the best.
        path: Of a figure that is given.
        budget: Dollars.
        deadline: Seconds.
        confidence: Share of the draws in which it must hold.
    """
    path = question.path(path)
    figure = question.known.get(path)
    if figure is None:
        raise PlanError(f"field `{path}`: is not given, so it cannot grow")
    if budget is None and deadline is None:
        raise PlanError("--largest needs a budget, a deadline, or both")
    middle = (figure.spread.low + figure.spread.high) / 2
    scales = middle * np.geomspace(1e-3, 1e3, 121)
    counts = None
    if question.scenario.device.count is None:
        question = with_count(question, 1)
        counts = _counts(question, 40)
    for _ in range(2):
        holds, devices = _holding(question, path, scales, counts, budget, deadline, confidence)
        if not holds.any():
            return Found(None, None, None, None, confidence)
        last = int(np.flatnonzero(holds)[-1])
        answer, used = float(scales[last]), devices[last]
        if last + 1 >= len(scales):
            break
        scales = np.geomspace(scales[last], scales[last + 1], 25)
    return Found(answer, None, None, float(used), confidence)


def _holding(
    question: Question,
    path: str,
    scales: Array,
    counts: Array | None,
    budget: float | None,
    deadline: float | None,
    confidence: float,
) -> tuple[Array, Array]:
    """For each scale, whether some number of devices does it, and the fewest that do."""
    many = np.ones(1) if counts is None else counts
    points = {path: np.repeat(scales, len(many))}
    if counts is not None:
        points[COUNT] = np.tile(counts, len(scales))
    found = grid(question, points, draws=400)
    good = np.ones_like(found.time, bool)
    if deadline is not None:
        good &= found.time <= deadline
    if budget is not None:
        if found.cost is None:
            raise PlanError("field `device.rent`: is missing; a budget needs a rent or a price")
        good &= found.cost <= budget
    enough = (good.mean(axis=1) >= confidence).reshape(len(scales), len(many))
    devices = np.median(found.devices, axis=1).reshape(enough.shape)
    first = np.argmax(enough, axis=1)
    return enough.any(axis=1), devices[np.arange(len(scales)), first]


def with_count(question: Question, count: float) -> Question:
    """The question with so many devices."""
    spread, text = Spread(count, count), f"{count:,.0f}"
    figure = Named(COUNT, spread, NUMBER, "chosen", "what was asked for", text, given=False)
    device = msgspec.structs.replace(question.scenario.device, count=figure)
    scenario: Scenario[Named] = msgspec.structs.replace(question.scenario, device=device)
    return Question(scenario, question.bases, {**question.known, COUNT: figure})


def _per_node(question: Question) -> int:
    figure = question.scenario.device.per_node
    return max(int(figure.spread.low), 1) if figure else 1


def _counts(question: Question, points: int = _POINTS) -> Array:
    """Numbers of devices to try: a few of one node, then whole nodes."""
    node = _per_node(question)
    some = np.unique(np.round(np.geomspace(1, _MOST_DEVICES, points)))
    return np.unique(np.where(some <= node, some, np.ceil(some / node) * node))


def _whole(first: int, last: float, node: int) -> Array:
    """Whole numbers between two, whole nodes beyond one node; at most some thousands."""
    step = node if last > node else 1
    start = -(-first // step) * step
    values = np.arange(start, last + 1, step, dtype=float)
    if len(values) > 1000:
        values = values[:: -(-len(values) // 1000)]
    return np.append(values[values < last], last)


def _first(counts: Array, holds: Array) -> float | None:
    return float(counts[int(np.argmax(holds))]) if holds.any() else None
