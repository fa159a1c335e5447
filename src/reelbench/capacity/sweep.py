"""Grids: what a plan says as some of its figures take other values, thousands of points at once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reelbench.capacity.estimate import Array, Draws, Estimate
from reelbench.capacity.outcome import PlanError
from reelbench.capacity.quantities import Dimension, QuantityError, parse_quantity
from reelbench.capacity.question import Question

MOST_POINTS = 100_000
_CHUNK = 128
_RANGE = re.compile(r"(.+?)\.\.(.+?)([*+])(.+)")
_WANTED = ("devices", "time", "device_time", "energy", "cost", "goodput")


@dataclass(frozen=True)
class Axis:
    """A figure and the values that it takes, in base units."""

    path: str
    values: Array
    dimension: Dimension


@dataclass(frozen=True)
class Point:
    """One point of a grid: its coordinates, and (low, median, high) of each answer by name."""

    at: tuple[float, ...]
    answers: dict[str, tuple[float, float, float]]


def parse_axis(text: str, question: Question) -> Axis:
    """Read ``device.count=64,128,256`` or ``device.count=64..4096*2`` (or ``+64``).

    Raises:
        PlanError: It names no figure of the scenario.
        QuantityError: A value is none, or of another dimension.
    """
    path, equals, values = text.partition("=")
    path = question.path(path.strip())
    figure = question.known.get(path)
    if not equals:
        raise QuantityError(f"{text[:60]!r} is no sweep; write FIELD=64,128 or FIELD=64..4096*2")
    if figure is None:
        some = ", ".join(sorted(question.known)[:8])
        raise PlanError(f"field `{path}`: is not given, so it cannot be swept; given are {some}, …")
    found = _RANGE.fullmatch(values.strip())
    if found:
        first, _ = parse_quantity(found[1], figure.dimension)
        last, _ = parse_quantity(found[2], figure.dimension)
        many = _stepped(first, last, found[3], found[4], figure.dimension)
    else:
        many = [parse_quantity(each, figure.dimension)[0] for each in values.split(",")]
    return Axis(path, np.array(many), figure.dimension)


def _stepped(first: float, last: float, how: str, by: str, of: Dimension) -> list[float]:
    if how == "*":
        factor = parse_quantity(by)[0]
        if not (factor > 1 and 0 < first <= last):
            raise QuantityError("a sweep a..b*f goes up from a above zero by a factor f above 1")
        count = int(np.log(last / first) / np.log(factor) + 1e-9) + 1
        return [first * factor**n for n in range(min(count, MOST_POINTS + 1))]
    step = parse_quantity(by, of)[0]
    if not (step > 0 and first <= last):
        raise QuantityError("a sweep a..b+s goes up from a by steps above zero")
    count = int((last - first) / step + 1e-9) + 1
    return [first + step * n for n in range(min(count, MOST_POINTS + 1))]


def sweep(
    question: Question, axes: Sequence[Axis], draws: int = 1000, seed: int = 0
) -> list[Point]:
    """Work out a plan on the grid of all axes.

    Raises:
        PlanError: The grid has too many points.
    """
    size = int(np.prod([len(axis.values) for axis in axes]))
    if size > MOST_POINTS:
        raise PlanError(f"the sweep has {size:,} points, more than {MOST_POINTS:,}")
    places = np.array(list(itertools.product(*(axis.values for axis in axes))))
    made = Draws(draws, seed, by_input=False)
    points: list[Point] = []
    for start in range(0, size, _CHUNK):
        some = places[start : start + _CHUNK]
        plan = question.answer(made, {axis.path: some[:, n] for n, axis in enumerate(axes)})
        found = plan.estimates()
        read = {name: _ends(found[name], len(some)) for name in _WANTED if name in found}
        for row, place in enumerate(some):
            answers = {name: tuple(map(float, ends[:, row])) for name, ends in read.items()}
            points.append(Point(tuple(map(float, place)), answers))  # type: ignore[arg-type]
    return points


def _ends(estimate: Estimate, points: int) -> Array:
    ends = np.quantile(estimate.rows, (0.05, 0.5, 0.95), axis=1)
    return np.broadcast_to(ends, (3, points))
