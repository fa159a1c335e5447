import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.stats.interval import Interval
from reelbench.stats.wandering import wander, widened

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
