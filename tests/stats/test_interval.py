"""Intervals of a median hold for any distribution, and say so where samples are too few."""

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from reelbench.stats.interval import drift, median_interval

TIMES = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=60)
DRAWS = {
    "normal": lambda rng, size: rng.normal(10.0, 1.0, size),
    "log-normal": lambda rng, size: rng.lognormal(0.0, 1.5, size),
    "exponential": lambda rng, size: rng.exponential(1.0, size),
    "two modes": lambda rng, size: rng.normal(1.0, 0.01, size) + 3.0 * (rng.random(size) < 0.4),
    "heavy tail": lambda rng, size: 1.0 + rng.pareto(1.1, size),
}
# With 0.4 in the slow mode the median is the 0.5/0.6 quantile of the fast one.
MEDIANS = {
    "normal": 10.0,
    "log-normal": 1.0,
    "exponential": math.log(2),
    "two modes": 1.0 + 0.01 * 0.967422,
    "heavy tail": 2 ** (1 / 1.1),
}


@given(TIMES)
def test_the_interval_holds_the_median_of_the_samples(samples):
    found = median_interval(samples)
    assert found.low <= found.median <= found.high
    assert found.median == np.median(samples)
    assert {found.low, found.high} <= set(samples)


@given(TIMES, st.randoms())
def test_the_order_of_the_samples_does_not_matter(samples, random):
    shuffled = random.sample(samples, len(samples))
    assert median_interval(shuffled) == median_interval(samples)


@given(TIMES, st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**30]))
def test_another_unit_scales_the_interval_and_nothing_else(samples, scale):
    found, scaled = median_interval(samples), median_interval([scale * s for s in samples])
    assert (scaled.low, scaled.high) == (scale * found.low, scale * found.high)
    assert scaled.median == scale * found.median
    assert scaled.confidence == found.confidence
    assert scaled.relative_half_width == pytest.approx(found.relative_half_width)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize("count", [6, 13, 40])
@pytest.mark.parametrize("name", DRAWS)
def test_intervals_cover_the_true_median_as_often_as_they_say(name, count, confidence):
    trials = 1000
    rng = np.random.default_rng(20240607)
    made = [median_interval(DRAWS[name](rng, count), confidence) for _ in range(trials)]
    said = made[0].confidence
    covered = sum(each.low <= MEDIANS[name] <= each.high for each in made) / trials
    assert said >= confidence
    assert covered == pytest.approx(said, abs=4 * math.sqrt(said * (1 - said) / trials))


def sign_test_coverage(count, rank):
    """Probability that the median lies between the rank-th samples from either end, from 1."""
    return binom.cdf(count - rank, count, 0.5) - binom.cdf(rank - 1, count, 0.5)


@pytest.mark.parametrize("count", [6, 7, 10, 20, 51, 1000, 2001])
def test_the_interval_is_the_narrowest_of_its_kind(count):
    found = median_interval(range(1, count + 1))
    rank = round(found.low)
    assert found.high == count + 1 - rank
    assert found.confidence == pytest.approx(sign_test_coverage(count, rank), abs=1e-9)
    assert sign_test_coverage(count, rank) >= 0.95 > sign_test_coverage(count, rank + 1)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_too_few_samples_give_all_of_them_and_say_how_little_that_is(count):
    found = median_interval(range(1, count + 1))
    assert (found.low, found.high) == (1, count)
    assert found.confidence == 1 - 2 * 0.5**count
    assert found.confidence < 0.95


@given(st.integers(1, 200), st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_more_confidence_never_takes_a_narrower_interval(count, one, other):
    less, more = (median_interval(range(count), c) for c in sorted((one, other)))
    assert more.low <= less.low <= less.high <= more.high
    assert more.confidence >= less.confidence


def test_more_samples_narrow_the_interval():
    rng = np.random.default_rng(1)
    samples = rng.lognormal(0.0, 0.3, 1600)
    widths = [
        median_interval(samples[:count]).relative_half_width for count in (25, 100, 400, 1600)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[3] < widths[0] / 4


def test_equal_samples_have_no_width():
    found = median_interval([0.25] * 9)
    assert (found.low, found.median, found.high) == (0.25, 0.25, 0.25)
    assert found.relative_half_width == 0


def test_the_half_width_is_relative_to_the_median():
    assert median_interval([8, 9, 10, 10, 11, 12]).relative_half_width == pytest.approx(0.2)


def test_one_slow_round_does_not_move_the_interval():
    quiet = [1.0, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07, 1.08, 1.09]
    assert median_interval([*quiet[:-1], 1e6]) == median_interval(quiet)


def test_no_samples_have_no_median():
    with pytest.raises(ValueError, match="no samples"):
        median_interval([])


def test_ten_thousand_rounds_of_a_fast_case_are_read_at_once():
    start = time.monotonic()
    found = median_interval(range(10_000))
    assert time.monotonic() - start < 2
    # The normal approximation: 5000 ± 1.96 * sqrt(10000) / 2.
    assert found.low == pytest.approx(5000 - 98, abs=2)
    assert found.confidence == pytest.approx(0.95, abs=0.002)


def test_the_interval_says_how_it_was_made():
    assert "order statistics" in median_interval([1.0]).method


@given(st.lists(st.floats(1e-6, 1e3), min_size=4, max_size=40))
def test_drift_has_the_sign_of_the_change(samples):
    falling, rising = sorted(samples, reverse=True), sorted(samples)
    assert drift(falling) <= 0 <= drift(rising)


def test_drift_is_the_share_by_which_the_second_half_is_slower():
    assert drift([1.0] * 5 + [1.5] * 5) == pytest.approx(0.5)
    assert drift([2.0] * 5 + [1.0] * 5) == pytest.approx(-0.5)
    assert drift([1.0, 1.0, 99.0, 1.2, 1.2]) == pytest.approx(0.2)  # the middle is in no half


def test_one_slow_round_is_no_drift():
    assert drift([1.0, 1.0, 1.0, 1.0, 50.0, 1.0]) == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_rounds_have_no_drift(count):
    assert drift([1.0] * count) is None
