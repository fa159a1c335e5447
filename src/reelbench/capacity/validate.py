"""Back-tests: published training runs, each predicted from what was known beforehand.

Every file of ``backtests/`` is a scenario with one or more published answers to hold it against. An
answer is never an input of its own prediction; runs whose published FLOPs are their hours times an
assumed utilisation are not tested on FLOPs. All predictions from FLOPs share two spreads of
utilisation (``defaults.toml``), which come from other work than the runs tested: ``tuned`` for
models split over many devices by their makers, ``plain`` for research code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta, Struct

from reelbench.capacity.errors import CapacityError, ScenarioError
from reelbench.capacity.estimate import Draws, Estimate
from reelbench.capacity.joining import question
from reelbench.capacity.quantities import Dimension, parse_quantity
from reelbench.capacity.question import naming
from reelbench.capacity.reading import parse_tables
from reelbench.capacity.tables import decode

_FOLDER = "backtests"
_DRAWS = Draws(10_000, by_input=False)
Text = Annotated[str, Meta(min_length=1, max_length=400)]


class Published(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A published answer to a scenario.

    Attributes:
        paper: Where it is from; answers are grouped by it.
        answer: The published value with its unit.
        quantity: Which figure of the plan it is.
        source: Table or sentence.
        known: What the prediction is made from, its boundary and its convention.
        within: How near it must come; the 90 % interval decides where this is left out.
    """

    paper: Text
    answer: Text
    quantity: Text
    source: Text
    known: Text
    within: Text | None = None


@dataclass(frozen=True)
class Backtest:
    """A prediction beside what was published.

    Attributes:
        low: 5th percentile, in base units.
        high: 95th percentile.
        inside: Whether the answer lies in the interval, or within what was asked for.
    """

    run: str
    published: Published
    dimension: Dimension
    answer: float
    median: float
    low: float
    high: float
    inside: bool

    @property
    def ends(self) -> tuple[float, float]:
        """The 90 % interval, in base units."""
        return self.low, self.high

    @property
    def error(self) -> float:
        """Median over the published answer, minus 1."""
        return self.median / self.answer - 1

    @property
    def is_forecast(self) -> bool:
        """Whether the 90 % interval is what is tested."""
        return self.published.within is None


@dataclass(frozen=True)
class Summary:
    """Back-tests together, of one paper or of all.

    Attributes:
        covered: How many of the forecasts have the published answer in their interval.
        error: Median size of the ratio of predicted to published, minus 1, of all tests.
        forecast_error: The same of the forecasts.
    """

    paper: str
    tests: int
    forecasts: int
    covered: int
    error: float
    forecast_error: float


def backtests() -> list[tuple[str, bytes]]:
    """The files that come with reelbench, by name."""
    folder = resources.files("reelbench.capacity") / _FOLDER
    files = sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml"))
    return [(name.removesuffix(".toml"), (folder / name).read_bytes()) for name in files]


def validate(files: Iterable[tuple[str, bytes]] | None = None) -> list[Backtest]:
    """Predict each run and hold it against its published answers.

    Args:
        files: Names and contents of scenario files with ``[[backtest]]`` tables; by default those
            that come with reelbench.

    Raises:
        CapacityError: A file cannot be planned.
    """
    found = []
    for name, data in files if files is not None else backtests():
        raw = decode(data, name)
        try:
            answers = msgspec.convert(raw.pop("backtest", []), list[Published])
        except msgspec.ValidationError as error:
            raise ScenarioError(name, f"field `backtest`: {error}") from None
        if not answers:
            raise ScenarioError(name, "has no [[backtest]] table; say what was published")
        scenario = parse_tables(raw, name)
        with naming(name):
            estimates = question(scenario).answer(_DRAWS).estimates()
        found += [_tested(name, scenario.title, each, estimates) for each in answers]
    return found


def _tested(name: str, run: str, published: Published, estimates: dict[str, Estimate]) -> Backtest:
    estimate = estimates.get(published.quantity)
    if estimate is None:
        raise ScenarioError(
            name, f"field `backtest.quantity`: the plan has no {published.quantity}"
        )
    try:
        answer, _ = parse_quantity(published.answer, estimate.dimension)
        within = None if published.within is None else parse_quantity(published.within)[0]
    except CapacityError as error:
        raise ScenarioError(name, f"field `backtest.answer`: {error}") from None
    median, (low, high) = estimate.median, estimate.interval()
    inside = low <= answer <= high if within is None else abs(median / answer - 1) <= within
    return Backtest(run, published, estimate.dimension, answer, median, low, high, inside)


def summaries(tests: Sequence[Backtest]) -> list[Summary]:
    """Each paper's tests, then all of them.

    The error is the median of the sizes of the logarithms of predicted over published, as a ratio:
    twice as much and half as much are the same error.
    """
    papers = dict.fromkeys(each.published.paper for each in tests)
    groups = [(paper, [t for t in tests if t.published.paper == paper]) for paper in papers]
    return [_summary(paper, group) for paper, group in groups] + [_summary("all", list(tests))]


def _summary(paper: str, tests: list[Backtest]) -> Summary:
    forecasts = [each for each in tests if each.is_forecast]
    inside = sum(each.inside for each in forecasts)
    return Summary(
        paper, len(tests), len(forecasts), inside, _middle_error(tests), _middle_error(forecasts)
    )


def _middle_error(tests: list[Backtest]) -> float:
    """Median size of predicted over published, as a ratio minus 1; nothing of none."""
    errors = [abs(math.log(each.median / each.answer)) for each in tests]
    return math.expm1(float(np.median(errors))) if errors else 0.0
