"""Warm-up ends when the start-up transient does, and not before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.stats.warmup import settled


def calls_until_settled(times):
    return next((n for n in range(len(times) + 1) if settled(times[:n])), None)


@given(st.lists(st.floats(1e-6, 1.0), max_size=5))
def test_fewer_than_six_calls_never_settle(times):
    assert not settled(times)


def test_steady_times_settle_with_the_sixth_call():
    assert calls_until_settled([1.0] * 20) == 6


@pytest.mark.parametrize("loss", [0.03, 0.1, 0.5])
def test_times_that_still_fall_have_not_settled(loss):
    falling = [(1 - loss) ** n for n in range(40)]
    assert calls_until_settled(falling) is None


@pytest.mark.parametrize("slow", [3, 6, 10])
def test_a_transient_is_over_only_after_it(slow):
    times = [1.5**-n for n in range(slow)]
    times += [times[-1]] * 20
    assert slow < calls_until_settled(times) <= slow + 6


def test_a_slow_first_call_delays_nothing():
    assert calls_until_settled([100.0] + [1.0] * 20) == 6


def test_times_that_rise_are_no_start_up_transient():
    assert settled([1.0, 1.1, 1.2, 1.3, 1.4, 1.5])


def test_one_disturbed_call_does_not_look_like_a_transient():
    assert settled([1.0, 1.0, 9.0, 1.0, 1.0, 1.0])
    assert settled([1.0, 1.0, 1.0, 1.0, 9.0, 1.0])


def test_a_disturbed_call_does_not_hide_that_times_still_fall():
    assert not settled([4.0, 4.0, 4.0, 9.0, 2.0, 2.0])
    assert not settled([9.0, 4.0, 4.0, 2.0, 2.0, 2.0])


def test_a_gain_of_two_per_cent_is_the_boundary():
    assert settled([1.0] * 3 + [0.981] * 3)
    assert not settled([1.0] * 3 + [0.979] * 3)


@given(st.lists(st.floats(1e-6, 1.0), min_size=6, max_size=20), st.sampled_from([0.25, 1024.0]))
def test_the_unit_does_not_matter(times, scale):
    assert settled([scale * each for each in times]) == settled(times)


def test_noise_settles_soon():
    rng = np.random.default_rng(7)
    needed = [calls_until_settled(list(rng.normal(1.0, 0.02, 60))) for _ in range(200)]
    assert None not in needed
    assert np.mean(needed) < 9
