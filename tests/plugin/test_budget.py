"""What fits the budget is measured: core cases first, then as many as the time takes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.plugin.budget import (
    OVERHEAD_S,
    VISITS,
    Estimate,
    Queue,
    estimate,
    in_order,
    out_of_reach,
)

# Whole seconds, so that sums are exact.
SECONDS = st.integers(0, 200).map(float)


@st.composite
def cases(draw):
    drawn = draw(st.lists(st.tuples(st.booleans(), SECONDS), max_size=25))
    return [Estimate(f"case-{n}", core, 0.1, s) for n, (core, s) in enumerate(drawn)]


def choose(estimates, budget):
    """What fits and what does not, each in the order it came."""
    fits = {each.name for each in Queue(estimates).fitting((), 1.0, budget)}
    return (
        [each for each in estimates if each.name in fits],
        [each for each in estimates if each.name not in fits],
    )


def total(estimates):
    return sum(each.total_s for each in estimates)


@given(cases(), SECONDS)
def test_the_chosen_fit_the_budget_together(estimates, budget):
    chosen, _ = choose(estimates, budget)
    assert total(chosen) <= budget


@given(cases(), SECONDS, st.data())
def test_what_ended_takes_no_time_of_others_and_a_slower_pace_counts(estimates, budget, data):
    queue = Queue(estimates)
    ended = {each.name for each in estimates if data.draw(st.booleans())}
    left = [each for each in estimates if each.name not in ended]
    usual = queue.fitting(ended, 1.0, budget)
    assert {each.name for each in usual} == {each.name for each in choose(left, budget)[0]}
    slow = queue.fitting(ended, 2.0, budget)
    assert total(slow) <= budget
    planned = {each.name: each.total_s for each in estimates}
    assert all(each.total_s == 2 * planned[each.name] for each in slow)


@given(cases(), SECONDS)
def test_what_fits_is_never_out_of_reach_unless_it_takes_next_to_nothing(estimates, budget):
    ordered = in_order([each for each in estimates if each.total_s >= 1])
    beyond = set(out_of_reach(ordered, budget))
    assert not beyond & {each.name for each in choose(ordered, budget)[0]}
    assert beyond == {each.name for each in ordered[len(ordered) - len(beyond) :]}


def test_thousands_of_cases_are_mostly_out_of_reach_of_minutes():
    assert not out_of_reach([Estimate(f"case-{n}", True, 0.1, 5.0) for n in range(100)], 1.0)
    many = [Estimate(f"case-{n}", True, 0.1, 5.0) for n in range(16_000)]
    assert 14_000 < len(out_of_reach(many, 300.0)) < 16_000
    assert not out_of_reach(many, 80_000.0)


@given(cases(), SECONDS)
def test_no_case_is_left_out_that_still_fits(estimates, budget):
    chosen, left_out = choose(estimates, budget)
    assert all(total(chosen) + each.total_s > budget for each in left_out)


@given(cases(), SECONDS)
def test_a_cheaper_case_is_never_left_out_for_a_dearer_one_of_its_group(estimates, budget):
    chosen, left_out = choose(estimates, budget)
    for out in left_out:
        assert all(each.total_s <= out.total_s for each in chosen if each.core == out.core)


@given(cases(), SECONDS)
def test_other_cases_never_cost_a_core_case_its_place(estimates, budget):
    chosen, _ = choose(estimates, budget)
    alone, _ = choose([each for each in estimates if each.core], budget)
    assert [each for each in chosen if each.core] == alone


@given(cases(), SECONDS, SECONDS)
def test_a_larger_budget_keeps_every_core_case(estimates, budget, more):
    smaller, _ = choose(estimates, budget)
    larger, _ = choose(estimates, budget + more)
    assert {each.name for each in smaller if each.core} <= {each.name for each in larger}


@given(cases(), SECONDS, SECONDS)
def test_within_one_group_a_larger_budget_keeps_every_case(estimates, budget, more):
    group = [each for each in estimates if not each.core]
    smaller, _ = choose(group, budget)
    larger, _ = choose(group, budget + more)
    assert {each.name for each in smaller} <= {each.name for each in larger}


def test_a_core_case_goes_before_a_cheaper_other_case():
    core, other = Estimate("core", True, 0.1, 9.0), Estimate("other", False, 0.1, 2.0)
    assert choose([other, core], 10.0) == ([core], [other])


def test_a_core_case_that_does_not_fit_leaves_the_time_to_others():
    core, other = Estimate("core", True, 0.1, 99.0), Estimate("other", False, 0.1, 2.0)
    assert choose([core, other], 10.0) == ([other], [core])


@pytest.mark.parametrize("budget", [0.0, -5.0])
def test_without_time_nothing_is_chosen(budget):
    case = Estimate("case", True, 0.1, 1.0)
    assert choose([case], budget) == ([], [case])


def test_without_cases_there_is_nothing_to_choose():
    assert choose([], 10.0) == ([], [])


def cost(roofline_s=0.01, max_time_s=1.0, min_rounds=5):
    return estimate(
        "case", core=True, roofline_s=roofline_s, max_time_s=max_time_s, min_rounds=min_rounds
    )


def test_a_fast_case_takes_the_time_it_is_given_and_a_third_of_it_at_each_further_visit():
    fast = cost(1e-6, max_time_s=3.0)
    assert fast.first_s == pytest.approx(OVERHEAD_S + 3.0)
    assert fast.again_s == pytest.approx(VISITS - 1)


def test_a_slow_case_takes_its_fewest_rounds_and_its_warm_up():
    slow = cost(10.0, max_time_s=2.0, min_rounds=5)
    assert slow.call_s > 10.0
    assert slow.total_s >= OVERHEAD_S + 5 * slow.call_s


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.integers(1, 50))
def test_a_larger_case_never_costs_less(one, other, rounds):
    small, large = (cost(seconds, min_rounds=rounds) for seconds in sorted((one, other)))
    assert small.call_s <= large.call_s
    assert small.total_s <= large.total_s
    assert cost(one, min_rounds=rounds + 1).total_s >= cost(one, min_rounds=rounds).total_s


def test_an_estimate_is_of_the_case_it_was_made_for():
    made = estimate("that one", core=False, roofline_s=0.1, max_time_s=1.0, min_rounds=3)
    assert (made.name, made.core) == ("that one", False)


@given(st.floats(0, 10), st.integers(2, 20))
def test_every_process_but_the_first_costs_the_same_and_less_than_the_first(seconds, runs):
    def cost_of(runs):
        return estimate(
            "case", core=True, roofline_s=seconds, max_time_s=1.0, min_rounds=6, runs=runs
        )

    two, many = cost_of(2), cost_of(runs)
    assert many.first_s == pytest.approx(two.first_s)
    assert many.again_s == pytest.approx((runs - 1) * two.again_s)
    assert two.again_s < two.first_s


@given(st.floats(0, 10), st.floats(0.1, 10), st.integers(1, 50))
def test_a_further_visit_has_a_third_of_the_rounds_and_a_call_to_warm_up(
    seconds, max_time_s, rounds
):
    planned = cost(seconds, max_time_s, rounds)
    least = max(max_time_s / VISITS, (rounds / VISITS + 1) * planned.call_s)
    assert planned.again_s >= (VISITS - 1) * least * (1 - 1e-9)
    assert planned.again_s <= (VISITS - 1) * (least + planned.call_s) * (1 + 1e-9)


@given(cases(), st.data())
def test_what_comes_last_comes_after_all_others_and_core_cases_before_the_rest(estimates, data):
    last = {each.name for each in estimates if data.draw(st.booleans())}
    ordered = in_order(estimates, last)
    assert sorted(ordered, key=estimates.index) == estimates
    for one, other in itertools.combinations(ordered, 2):
        if one.name in last:
            assert other.name in last
        elif other.name not in last and other.core:
            assert one.core
            assert one.total_s <= other.total_s


def test_each_gets_its_first_batch_before_one_gets_its_second():
    two, one = (Estimate(f"large-{n}", True, 0.1, 9.0, turn=n) for n in (1, 0))
    small = Estimate("small-1", True, 0.1, 1.0, turn=1)
    other = Estimate("other-0", False, 0.1, 1.0)
    assert in_order([two, one, small, other]) == [one, small, two, other]
