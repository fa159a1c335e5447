import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.results.schema import Reading
from reelbench.stats.interval import Interval
from reelbench.stats.wandering import FEWEST_READINGS, wander, wander_of, widened

POSITIVE = st.floats(1e-6, 1e3)


@st.composite
def intervals(draw):
    low, median, high = sorted(draw(st.tuples(POSITIVE, POSITIVE, POSITIVE)))
    return Interval(median, low, high, 0.95)


@given(intervals(), st.floats(0, 3), st.floats(0, 3))
def test_more_wander_never_makes_an_interval_narrower(interval, one, other):
    less, more = (widened(interval, by) for by in sorted((one, other)))
    slack = 1 + 1e-12
    assert more.low <= less.low * slack
    assert less.low <= interval.low * slack
    assert more.high * slack >= less.high
    assert less.high * slack >= interval.high
    assert more.median == interval.median


def test_who_has_no_self_test_keeps_the_interval():
    interval = Interval(1.0, 0.9, 1.2, 0.95)
    assert widened(interval, None) is interval


@given(st.lists(st.tuples(intervals(), POSITIVE), min_size=20, max_size=60))
def test_stretches_widened_by_their_own_wander_hold_it_as_often_as_asked(stretches):
    by = wander(stretches)
    held = [
        (wide := widened(interval, by)).low / (1 + 1e-9) <= reference <= wide.high * (1 + 1e-9)
        for interval, reference in stretches
    ]
    assert np.mean(held) >= 0.95


def test_intervals_that_hold_it_need_no_more():
    assert wander([(Interval(1.0, 0.9, 1.1, 0.95), 1.05)] * 40) == 0


def test_few_stretches_ask_for_the_most_that_was_seen():
    exact = Interval(1.0, 1.0, 1.0, 0.95)
    assert wander([(exact, 1.1), (exact, 1.3)]) == pytest.approx(math.log(1.3))
    with pytest.raises(ValueError, match="no stretches"):
        wander([])


def readings(*medians, half=1.001):
    return [Reading(median_s=m, low_s=m / half, high_s=m * half) for m in medians]


def test_standards_that_do_not_move_ask_for_nothing():
    assert wander_of({"matmul": readings(*[2e-3] * 30), "memory": readings(*[1e-4] * 30)}) == 0


def test_it_is_what_readings_lack_to_hold_the_median_of_their_own_standard():
    # Nothing is said of one standard by how long another takes.
    found = wander_of({"matmul": readings(*[2e-3] * 30), "memory": readings(*[1e-4, 1.2e-4] * 15)})
    assert found == pytest.approx(math.log(1.2) / 2, rel=0.1)


def test_a_few_readings_tell_nothing_alone_and_the_self_test_is_asked():
    few = {"matmul": readings(*[1.0, 1.4] * (FEWEST_READINGS // 2))}
    assert wander_of(few) is None
    assert wander_of(few, 0.2) == 0.2
    assert wander_of({}, None) is None


@given(st.lists(POSITIVE, min_size=FEWEST_READINGS, max_size=19), st.floats(0, 3))
def test_until_there_are_many_the_larger_of_the_two_counts(medians, tested):
    alone = wander_of({"matmul": readings(*medians)})
    assert wander_of({"matmul": readings(*medians)}, tested) == max(alone, tested)


@given(st.lists(POSITIVE, min_size=20, max_size=60), st.floats(0, 3))
def test_many_readings_need_no_self_test(medians, tested):
    alone = wander_of({"matmul": readings(*medians)})
    assert wander_of({"matmul": readings(*medians)}, tested) == alone
