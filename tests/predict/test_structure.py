"""What sums miss, learned from models measured whole."""

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.predict.structure import Pair, learn


def pair(ratio, group="a", noise=0.0):
    return Pair(group, group, ratio, 1.0, noise, noise)


def test_a_model_with_reasons_of_its_own_does_not_move_the_others():
    usual = [pair(1.1, str(n)) for n in range(9)]
    with_one = learn([*usual, pair(3.0, "odd")])
    assert with_one.log_factor == pytest.approx(learn(usual).log_factor, abs=0.02)
    assert with_one.spread > learn(usual).spread


def test_without_models_a_sum_is_taken_as_it_is():
    learned = learn([])
    assert (learned.log_factor, learned.models) == (0.0, 0)
    assert learned.spread > 0.1


def test_one_model_is_not_believed_as_much_as_ten():
    one, ten = learn([pair(1.3)]), learn([pair(1.3)] * 10)
    assert 1 < exp(one.log_factor) < exp(ten.log_factor) <= 1.3 + 1e-9
    assert ten.spread < one.spread


def test_what_is_left_out_has_no_influence():
    kept = [pair(1.1, "a"), pair(1.2, "b")]
    assert learn([*kept, pair(50.0, "c")], without="c") == learn(kept)


def test_scatter_that_measuring_explains_is_not_counted_again():
    pairs = [(0.9, "a"), (1.1, "b"), (0.92, "c"), (1.08, "d")]
    sure = learn([pair(*each) for each in pairs])
    noisy = learn([pair(*each, noise=0.08) for each in pairs])
    assert noisy.spread < sure.spread


@given(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=12))
def test_the_factor_lies_between_no_difference_and_what_was_seen(ratios):
    learned = learn([pair(ratio, str(n)) for n, ratio in enumerate(ratios)])
    low, high = min(0.0, log(min(ratios))), max(0.0, log(max(ratios)))
    assert low - 1e-12 <= learned.log_factor <= high + 1e-12
    assert learned.spread > 0


def test_intervals_are_wider_for_few_models():
    assert learn([pair(1.0)]).factor_of_90 > learn([pair(1.0)] * 30).factor_of_90
    assert learn([pair(1.0)] * 300).factor_of_90 == pytest.approx(1.645, rel=0.01)
