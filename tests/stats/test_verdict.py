import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.stats.verdict import (
    FAMILY_ERROR,
    Verdict,
    error_of_case,
    judge,
    smallest_visible,
)

ONE_PER_CENT = math.log(1.01)
noise = st.lists(st.floats(-0.05, 0.05), min_size=6, max_size=12)


def verdict(ratios, **how):
    return judge(ratios, **{"threshold": 0.01, "largest": 12, **how}).verdict


def spread_around(middle, size, count=12):
    return [middle + size * (-1) ** index for index in range(count)]


def test_clear_cases():
    assert verdict(spread_around(0.03, 0.002)) is Verdict.SLOWER
    assert verdict(spread_around(-0.03, 0.002)) is Verdict.FASTER
    assert verdict(spread_around(0.0, 0.002)) is Verdict.UNCHANGED
    assert verdict(spread_around(0.0, 0.05)) is Verdict.UNDECIDED


def test_a_difference_below_the_threshold_is_no_slowdown_however_sure():
    assert verdict(spread_around(0.005, 0.0001)) is Verdict.UNCHANGED


def test_five_pairs_say_nothing():
    assert verdict(spread_around(0.5, 0.001, 5)) is Verdict.UNDECIDED


def test_a_side_that_drew_another_speed_in_some_processes_is_not_slower():
    # Two speeds, 13 and 36 ms, drawn anew by each process, as seen of a real layer.
    two_speeds = [math.log(36 / 13), 0.0, 0.0, math.log(36 / 13), 0.0, math.log(36 / 13)]
    assert verdict(two_speeds) is Verdict.UNDECIDED


@given(noise, st.floats(1.001, 1.2))
def test_sides_may_be_swapped(ratios, threshold):
    there = judge(ratios, threshold=threshold - 1, largest=12)
    back = judge([-ratio for ratio in ratios], threshold=threshold - 1, largest=12)
    mirrored = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}
    assert back.verdict is mirrored.get(there.verdict, there.verdict)
    assert back.estimate == pytest.approx(-there.estimate)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


@given(noise)
def test_the_verdict_is_what_the_interval_shows(ratios):
    found = judge(ratios, threshold=0.01, largest=12)
    inside = max(abs(found.low), abs(found.high)) < ONE_PER_CENT
    beyond = (found.low > 0 or found.high < 0) and abs(found.estimate) >= ONE_PER_CENT
    assert (found.verdict is Verdict.UNCHANGED) == inside
    assert (found.verdict in (Verdict.FASTER, Verdict.SLOWER)) == (beyond and not inside)
    assert (found.more_pairs is None) or found.verdict is Verdict.UNDECIDED


@given(st.integers(1, 500))
def test_the_family_never_errs_more_than_allowed(cases):
    assert cases * error_of_case(cases) <= FAMILY_ERROR or error_of_case(cases) <= 0.01
    assert error_of_case(cases) <= error_of_case(1)


def test_more_cases_ask_for_more():
    few = judge(spread_around(0.02, 0.012), threshold=0.01, largest=12, cases=1)
    many = judge(spread_around(0.02, 0.012), threshold=0.01, largest=12, cases=100)
    assert many.high - many.low > few.high - few.low


def test_more_pairs_are_enough_if_they_are_typical():
    rng = np.random.default_rng(5)
    first = list(rng.normal(0.02, 0.03, 12))
    found = judge(first, threshold=0.01, largest=12)
    assert found.more_pairs
    count = 12 + found.more_pairs
    # The same mean and spread at the foretold count: stretched, not drawn anew.
    again = np.resize(np.asarray(first), count)
    again = (again - again.mean()) / again.std(ddof=1) * found.spread + found.estimate
    assert judge(again, threshold=0.01, largest=count).confidence == found.confidence
    half = abs(found.estimate)
    assert half > 2.6 * found.spread / math.sqrt(count)


@pytest.mark.parametrize(
    ("spread", "threshold", "count", "cases"),
    [(0.012, 0.01, 12, 1), (0.002, 0.01, 12, 1), (0.012, 0.0, 8, 1), (0.012, 0.01, 12, 12)],
)
def test_smallest_visible_is_found_that_often(spread, threshold, count, cases):
    rng = np.random.default_rng(7)
    power, trials = 0.95, 1500
    slowdown = smallest_visible(
        spread, count, power=power, threshold=threshold, largest=12, cases=cases
    )
    found = sum(
        any(
            judge(pairs[:looked], threshold=threshold, largest=12, cases=cases).verdict
            is Verdict.SLOWER
            for looked in range(6, count + 1, 2)
        )
        for pairs in rng.normal(slowdown, spread, (trials, count))
    )
    # More often where the threshold decides: any of the looks may find the estimate beyond it.
    assert power - 0.02 <= found / trials <= power + (0.02 if threshold < spread else 0.035)


@pytest.mark.parametrize("ratios", [[], [0.1], [0.1, math.nan], [math.inf, 0.0]])
def test_too_little_or_impossible_samples_are_refused(ratios):
    with pytest.raises(ValueError, match="two pairs"):
        judge(ratios, threshold=0.01, largest=12)
