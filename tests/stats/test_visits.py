"""Intervals from several visits of one process know what the machine did between them."""

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.results.schema import Replicate, Visit
from reelbench.stats.interval import median_interval
from reelbench.stats.moderation import FEWEST, Prior
from reelbench.stats.visits import (
    CORRELATION_S,
    median_of,
    rounds_interval,
    usual,
    visited,
    visits_interval,
)

TIMES = st.floats(1e-5, 10.0)


def process(medians, times=None, spread=0.001):
    """A process that found these medians, at these times; a hundred seconds apart otherwise."""
    times = times or [100.0 * number for number in range(len(medians))]
    scatter = 1 + spread * np.linspace(-1, 1, 21)
    first, *later = [(each * scatter).tolist() for each in medians]
    return Replicate(
        process="p",
        order=0,
        iterations=1,
        warmup_s=[],
        rounds_s=first,
        later=[
            Visit(after_s=after, rounds_s=rounds)
            for after, rounds in zip(times[1:], later, strict=True)
        ],
    )


def test_one_visit_has_the_median_of_its_rounds_and_several_their_geometric_mean():
    assert median_of(process([0.3])) == pytest.approx(0.3)
    assert median_of(process([0.1, 0.1, 0.8])) == pytest.approx(0.2)


@given(st.lists(TIMES, min_size=2, max_size=6), st.floats(0.1, 1.0), st.floats(1e-6, 1.0))
def test_visits_that_are_closer_never_say_more(medians, closer, variance):
    expected = Prior(variance, 5.0)
    times = [30.0 * number for number in range(len(medians))]
    far = visits_interval(process(medians, times), expected)
    near = visits_interval(process(medians, [closer * each for each in times]), expected)
    assert near.median == far.median
    assert near.low <= far.low * (1 + 1e-9)
    assert near.high >= far.high * (1 - 1e-9)
    found = visited(process(medians, times))
    assert 1 <= found.independent <= len(medians) + 1e-9
    assert 0 < found.freedom <= len(medians) - 1


@given(st.lists(TIMES, min_size=2, max_size=5), TIMES)
def test_a_case_that_differs_more_between_visits_is_less_certain(medians, other):
    expected = Prior(1e-4, 5.0)
    alike = visits_interval(process([other] * len(medians)), expected)
    unlike = visits_interval(process(medians), expected)
    assert math.log(unlike.high / unlike.low) >= math.log(alike.high / alike.low) - 1e-9
    assert unlike.low <= unlike.median <= unlike.high


def test_a_case_that_was_visited_once_has_what_is_expected_beside_its_rounds():
    once = process([0.2], spread=0.05)
    rounds = median_interval(once.rounds_s)
    found = visits_interval(once, Prior(0.01, 12.0))
    assert found.low < rounds.low
    assert found.high > rounds.high
    assert math.log(found.high / found.median) == pytest.approx(
        math.hypot(math.log(rounds.high / rounds.median), 2.179 * 0.1), rel=1e-3
    )
    assert "a visit" in found.method


def test_few_cases_or_visits_that_are_close_expect_nothing():
    apart, close = [0.0, 120.0, 240.0], [0.0, 1.0, 2.0]
    medians = [0.10, 0.11, 0.12]
    assert usual([process(medians, apart)] * (FEWEST - 1)) is None
    assert usual([process(medians, close)] * 20) is None
    assert usual([process([0.1])] * 20) is None
    assert math.sqrt(usual([process(medians, apart)] * 20).variance) == pytest.approx(0.1, rel=0.3)


def test_rounds_of_all_visits_are_one_stretch_where_nothing_is_expected():
    found = rounds_interval(process([0.1, 0.2]), 0.5)
    assert found.median == pytest.approx(math.sqrt(0.02))
    assert found.high >= found.median * math.exp(0.5) * (1 - 1e-9)
    assert found.low <= found.median * math.exp(-0.5) * (1 + 1e-9)
    assert rounds_interval(process([0.1]), None) == median_interval(process([0.1]).rounds_s)


def wandering(rng, times, spread):
    """Logarithms of what a case takes at these times: correlated as visits are taken to be."""
    gaps = np.abs(np.subtract.outer(times, times))
    factor = np.linalg.cholesky(np.exp(-gaps / CORRELATION_S) + 1e-9 * np.eye(len(times)))
    return spread * (factor @ rng.standard_normal(len(times)))


@pytest.mark.parametrize(
    "times", [(0.0, 90.0, 180.0), (0.0, 60.0, 64.0), (0.0, 25.0, 50.0)], ids=str
)
def test_intervals_hold_what_a_long_series_says(times):
    """Cases whose spreads are unlike by a factor of two either way, in runs of a dozen."""
    rng = np.random.default_rng(20_261_128)
    held = total = 0
    for _ in range(150):
        spreads = 0.05 * 2 ** rng.standard_normal(12)
        run = [process(np.exp(wandering(rng, times, s)), list(times)) for s in spreads]
        expected = usual(run)
        if expected is None:
            continue
        for each in run:
            found = visits_interval(each, expected)
            held += found.low <= 1.0 <= found.high
            total += 1
    assert total > 1000
    assert 0.93 <= held / total <= 0.985


def test_the_rounds_alone_would_not_hold_it():
    rng = np.random.default_rng(3)
    found = [median_interval(process([math.exp(0.05 * rng.standard_normal())]).rounds_s)
             for _ in range(200)]  # fmt: skip
    assert sum(each.low <= 1.0 <= each.high for each in found) < 40
    assert median([each.relative_half_width for each in found]) < 0.005
