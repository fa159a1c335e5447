"""What harnesses claim is counted right."""

import math

import numpy as np
import pytest
from claims import (
    Claim,
    Count,
    apart,
    covers,
    covers_others,
    false_alarms,
    half_width,
    reference,
    stated,
)
from hypothesis import given
from hypothesis import strategies as st
from peers import CLAIMS, coloured
from sitting import BENCHMARK, JAX_BENCH, Reading

INTERVAL = Claim("interval", interval=stated, differs=apart)


def interval(low: float, high: float) -> Reading:
    figures = {"median_s": (low + high) / 2, "low_s": low, "high_s": high}
    return Reading(function="matmul", figures=figures)


def rounds(times: np.ndarray) -> Reading:
    """The columns that pytest-benchmark would show of these rounds."""
    q1, q3 = np.percentile(times, [25, 75])
    return Reading(
        function="matmul",
        figures={
            "mean_s": float(np.mean(times)),
            "median_s": float(np.median(times)),
            "min_s": float(np.min(times)),
            "stddev_s": float(np.std(times, ddof=1)),
            "iqr_s": float(q3 - q1),
            "rounds": float(len(times)),
        },
        rounds_ns=[round(1e9 * each) for each in times],
    )


def printed(mean_ms: float, std_ms: float) -> Reading:
    return Reading(
        function="matmul", figures={"mean_s": mean_ms / 1e3, "stddev_s": std_ms / 1e3, "rounds": 20}
    )


def test_an_interval_that_contains_the_truth_counts():
    readings = [interval(1.0, 2.0), interval(1.5, 1.6), interval(2.0, 3.0)]
    assert covers(INTERVAL, readings, 1.55) == Count(2, 3)
    assert covers(INTERVAL, readings, 2.0) == Count(2, 3)


def test_a_reading_is_held_against_the_others_not_against_itself():
    # The odd one contains its own middle only; its neighbours contain each other's.
    readings = [interval(0.9, 1.1), interval(0.9, 1.1), interval(0.9, 1.1), interval(4.9, 5.1)]
    assert covers_others(INTERVAL, readings) == Count(3, 4)


def test_false_alarms_are_counted_over_all_pairs():
    readings = [interval(1.0, 2.0), interval(1.5, 2.5), interval(3.0, 4.0)]
    assert false_alarms(INTERVAL, readings) == Count(2, 3)


def test_the_width_is_relative():
    assert half_width(INTERVAL, [interval(0.98, 1.02)]) == pytest.approx(0.02)


@given(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=30))
def test_a_reference_lies_among_what_it_was_made_of(medians: list[float]):
    readings = [Reading(function="f", figures={"median_s": m, "mean_s": m}) for m in medians]
    long_run = reference(readings)
    for value in (long_run.median, long_run.mean, long_run.typical):
        assert min(medians) * (1 - 1e-9) <= value <= max(medians) * (1 + 1e-9)


def test_one_process_is_no_reference():
    with pytest.raises(ValueError, match="two processes"):
        reference([Reading(function="f", figures={"median_s": 1.0, "mean_s": 1.0})])


def test_the_claims_about_rounds_hold_where_rounds_are_independent():
    # What is read out of pytest-benchmark's columns is right in the world that it assumes.
    rng = np.random.default_rng(7)
    readings = [rounds(rng.normal(1e-3, 5e-5, 200)) for _ in range(400)]
    for claim in CLAIMS[BENCHMARK]:
        if claim.nominal is not None:
            share = covers(claim, readings, 1e-3).share
            assert share is not None
            error = math.sqrt(claim.nominal * (1 - claim.nominal) / len(readings))
            assert abs(share - claim.nominal) <= 3 * error


def test_people_s_tests_alarm_as_often_as_they_say_on_independent_rounds_and_more_on_others():
    rng = np.random.default_rng(8)
    independent = [rounds(rng.normal(1e-3, 5e-5, 100)) for _ in range(30)]
    offset = rng.normal(0, 2e-5, 30)
    processes = [rounds(rng.normal(1e-3 + each, 5e-5, 100)) for each in offset]
    tests = [claim for claim in CLAIMS[BENCHMARK] if claim.rule.endswith("test")]
    assert len(tests) == 2
    for claim in tests:
        assert 0.02 <= (false_alarms(claim, independent).share or 0) <= 0.09
        assert (false_alarms(claim, processes).share or 0) > 0.5


def test_a_threshold_alarms_at_slower_runs_only():
    fail = next(claim for claim in CLAIMS[BENCHMARK] if claim.rule == "fail=mean:5%")
    fast, slow = rounds(np.full(5, 1.00e-3)), rounds(np.full(5, 1.06e-3))
    assert fail.differs is not None
    assert fail.differs(fast, slow)
    assert not fail.differs(slow, fast)
    assert not fail.differs(fast, rounds(np.full(5, 1.04e-3)))


@pytest.mark.parametrize(
    ("earlier", "later", "shown"),
    [
        ((1.00, 0.10), (1.28, 0.10), False),  # within 2 √(0.1² + 0.1²) = 0.283
        ((1.00, 0.10), (1.29, 0.10), True),
        ((1.29, 0.10), (1.00, 0.10), True),
        ((0.20, 0.00), (0.20, 0.00), False),
        ((0.20, 0.00), (0.21, 0.00), True),
    ],
)
def test_colours_are_those_of_pytest_jax_bench(earlier, later, shown):
    assert coloured(printed(*earlier), printed(*later)) is shown
    rule = next(claim for claim in CLAIMS[JAX_BENCH] if claim.differs)
    assert false_alarms(rule, [printed(*earlier), printed(*later)]) == Count(int(shown), 1)
