import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.stats.steps import FEWEST, level_medians, steps

SMALLEST = math.log1p(0.03)


def find(values, alpha=0.0075):
    return steps(values, smallest=SMALLEST, alpha=alpha)


def test_a_planted_step_is_found_where_it_is():
    rng = np.random.default_rng(1)
    values = 0.01 * rng.standard_normal(30)
    values[18:] += 0.06
    assert find(values) == [18]


def test_up_and_down_again_are_two_steps():
    rng = np.random.default_rng(2)
    values = 0.01 * rng.standard_normal(40)
    values[12:25] += 0.1
    assert find(values) == [12, 25]


def test_one_bad_run_is_no_step():
    values = [0.001 * (n % 3) for n in range(20)]
    values[10] = 0.5
    assert find(values) == []


def test_a_change_below_the_threshold_is_none_however_sure():
    assert find([0.0] * 20 + [0.02] * 20) == []


@pytest.mark.parametrize("count", range(2 * FEWEST))
def test_too_few_values_have_no_step(count):
    assert find([0.0] * (count // 2) + [1.0] * (count - count // 2)) == []


def test_steps_are_rarely_found_in_noise():
    rng = np.random.default_rng(20_261_125)
    noisy = [find(0.05 * rng.standard_normal(40), alpha=0.05) for _ in range(1000)]
    assert sum(map(bool, noisy)) / 1000 <= 0.05


def test_a_step_of_three_spreads_is_found_nine_times_in_ten():
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(300):
        values = 0.015 * rng.standard_normal(24)
        values[12:] += 0.045
        found += any(abs(place - 12) <= 1 for place in find(values))
    assert found / 300 >= 0.9


@given(st.lists(st.floats(-3, 3), max_size=40))
def test_levels_are_long_enough_and_differ_by_enough(values):
    places = find(values)
    assert places == sorted(set(places))
    bounds = [0, *places, len(values)]
    if places:
        assert all(b - a >= FEWEST for a, b in itertools.pairwise(bounds))
        levels = level_medians(values, places)
        assert all(abs(b - a) >= SMALLEST for a, b in itertools.pairwise(levels))
