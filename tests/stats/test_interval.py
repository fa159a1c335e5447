"""Intervals of a median hold for any distribution, and say so where samples are too few."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.selftest.simulated import KINDS, coverage, median_of
from reelbench.stats.interval import Interval, drift, median_interval, process_interval

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


@given(TIMES)
def test_the_other_way_round_is_as_good(samples):
    """Autocorrelation has no direction; only floating point tells the two apart."""
    there, back = median_interval(samples), median_interval(samples[::-1])
    assert back.low == pytest.approx(there.low)
    assert back.high == pytest.approx(there.high)


@given(TIMES, st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**30]))
def test_another_unit_scales_the_interval_and_nothing_else(samples, scale):
    found, scaled = median_interval(samples), median_interval([scale * s for s in samples])
    assert scaled.low == pytest.approx(scale * found.low)
    assert scaled.high == pytest.approx(scale * found.high)
    assert scaled.median == pytest.approx(scale * found.median)
    assert scaled.confidence == found.confidence


@pytest.mark.parametrize("name", DRAWS)
def test_independent_samples_of_any_distribution_are_covered(name):
    trials, count = 800, 60
    rng = np.random.default_rng(20240607)
    made = [median_interval(DRAWS[name](rng, count)) for _ in range(trials)]
    covered = sum(each.low <= MEDIANS[name] <= each.high for each in made) / trials
    assert 0.93 <= covered <= 0.985


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [100, 300])
def test_correlated_and_drifting_rounds_are_covered(kind, count):
    """The issue's 93 to 97 %, give or take three standard errors of 800 trials."""
    held, _ = coverage(KINDS[kind], count, 800, median_of(kind), 7)
    slack = 3 * math.sqrt(0.95 * 0.05 / 800)
    # A hundred rounds hold two bursts, which is too few to know how often they come.
    assert (0.90 if (kind, count) == ("bursts", 100) else 0.93 - slack) <= held <= 0.97 + slack


def test_correlation_widens_and_noise_does_not():
    rng = np.random.default_rng(11)
    values = 0.02 * rng.standard_normal(400)
    slow = np.exp(np.repeat(values[:40], 10))  # the same value ten times: forty samples
    assert median_interval(np.exp(values)).independent > 250
    assert median_interval(slow).independent < 80
    assert (
        median_interval(slow).relative_half_width
        > 2 * median_interval(np.exp(values)).relative_half_width
    )


def test_a_steady_rise_does_not_widen():
    rng = np.random.default_rng(12)
    noise = 0.01 * rng.standard_normal(200)
    rising = median_interval(np.exp(noise + np.linspace(-0.1, 0.1, 200)))
    assert rising.relative_half_width < 2 * median_interval(np.exp(noise)).relative_half_width


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_too_few_samples_give_all_of_them_and_say_how_little_that_is(count):
    found = median_interval(range(1, count + 1))
    assert (found.low, found.high) == (1, count)
    assert found.confidence == 1 - 2 * 0.5**count
    assert found.confidence < 0.95


@given(st.lists(st.floats(1e-3, 1e3), min_size=6, max_size=60), st.floats(0.5, 0.99))
def test_more_confidence_never_takes_a_narrower_interval(samples, confidence):
    less, more = median_interval(samples, confidence), median_interval(samples, 0.995)
    assert more.low <= less.low
    assert less.high <= more.high


def test_processes_are_the_sample():
    rng = np.random.default_rng(14)
    trials, held = 600, 0
    for _ in range(trials):
        processes = [np.exp(rng.normal(0, 0.05) + 0.01 * rng.standard_normal(30)) for _ in range(5)]
        found = process_interval([float(np.median(each)) for each in processes])
        held += found.low <= 1.0 <= found.high
    assert 0.92 <= held / trials <= 0.98


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
    assert Interval(10.0, 8.0, 12.0, 0.95).relative_half_width == pytest.approx(0.2)


def test_one_slow_round_hardly_moves_the_interval():
    rng = np.random.default_rng(13)
    quiet = list(np.exp(0.01 * rng.standard_normal(40)))
    slow = [*quiet[:20], 1e6, *quiet[20:]]
    assert median_interval(slow).high < 1.2 * median_interval(quiet).high


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_impossible_times_are_refused(wrong):
    with pytest.raises(ValueError, match="positive"):
        median_interval([1.0] * 8 + [wrong])


def test_no_samples_have_no_median():
    with pytest.raises(ValueError, match="no samples"):
        median_interval([])


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
