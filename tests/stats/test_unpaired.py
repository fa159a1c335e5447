import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.stats.unpaired import Basis, Reason, difference, judge, known
from reelbench.stats.verdict import Verdict

TIMES = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=5)
RUNS = st.lists(TIMES, min_size=1, max_size=4)


def test_the_highest_level_that_was_repeated_is_the_sample():
    assert known([[1.0], [1.1]]).basis is Basis.RUNS
    assert known([[1.0, 1.1]]).basis is Basis.PROCESSES
    assert known([[1.0]], process_spread=0.01).basis is Basis.FLOOR
    assert known([[1.0]]).basis is Basis.ROUNDS


@given(RUNS, RUNS, st.sampled_from([0.9, 0.95, 0.9925]))
def test_a_difference_lies_in_its_interval_and_turns_with_the_sides(base, new, confidence):
    one, other = known(base), known(new)
    there, back = difference(one, other, confidence), difference(other, one, confidence)
    assert there.low <= there.estimate <= there.high
    assert back.estimate == pytest.approx(-there.estimate)
    assert back.low == pytest.approx(-there.high)


@given(RUNS, RUNS)
def test_more_confidence_is_a_wider_interval(base, new):
    one, other = known(base), known(new)
    narrow, wide = difference(one, other, 0.9), difference(one, other, 0.99)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


@pytest.mark.parametrize(
    ("runs", "processes", "session"), [(1, 5, 0.0), (5, 1, 0.01), (5, 3, 0.01), (3, 5, 0.03)]
)
def test_the_interval_covers_what_it_claims(runs, processes, session):
    """Of a case that is the same on both sides; processes of a run share its session."""
    rng = np.random.default_rng(20_261_125)
    held = 0
    trials = 1500

    def side():
        means = session * rng.standard_normal((runs, 1))
        return np.exp(means + 0.02 * rng.standard_normal((runs, processes))).tolist()

    for _ in range(trials):
        found = difference(known(side()), known(side()), 0.95)
        held += found.low <= 0 <= found.high
    assert 0.935 <= held / trials <= 0.975


def test_one_run_a_side_misses_sessions_unless_their_spread_is_known():
    rng = np.random.default_rng(20_261_126)
    trials, held = 1000, {None: 0, (0.03, 9.0): 0}
    for _ in range(trials):
        sides = [
            np.exp(0.03 * rng.standard_normal() + 0.005 * rng.standard_normal(5)).tolist()
            for _ in range(2)
        ]
        for spread in held:
            one, other = (known([side], session_spread=spread) for side in sides)
            found = difference(one, other, 0.95)
            held[spread] += found.low <= 0 <= found.high
    assert held[None] / trials < 0.5
    assert held[0.03, 9.0] / trials > 0.93


def test_rounds_alone_decide_nothing():
    found = difference(known([[1.0]]), known([[9.0]]), 0.99)
    verdict, reason = judge(found, 0.03, (Basis.ROUNDS, Basis.PROCESSES))
    assert (verdict, reason) == (Verdict.UNDECIDED, Reason.ONE_PROCESS)


@pytest.mark.parametrize(
    ("estimate", "half", "verdict", "reason"),
    [
        (0.10, 0.02, Verdict.SLOWER, Reason.BEYOND),
        (-0.10, 0.02, Verdict.FASTER, Reason.BEYOND),
        (0.01, 0.11, Verdict.UNDECIDED, Reason.TOO_WIDE),
        (0.02, 0.015, Verdict.UNDECIDED, Reason.SMALL),
        (0.02, 0.03, Verdict.UNDECIDED, Reason.REACHES_OVER),
        (0.005, 0.02, Verdict.UNCHANGED, Reason.WITHIN),
        (0.02, 0.005, Verdict.UNCHANGED, Reason.WITHIN),
    ],
)
def test_verdicts_and_their_reasons(estimate, half, verdict, reason):
    from reelbench.stats.unpaired import Difference

    found = Difference(estimate, estimate - half, estimate + half, 0.95)
    assert judge(found, 0.03, (Basis.RUNS, Basis.RUNS)) == (verdict, reason)


def test_no_samples_are_refused():
    for runs in ([], [[]], [[1.0], []]):
        with pytest.raises(ValueError, match="no samples"):
            known(runs)


def test_nothing_overflows():
    tiny, huge = known([[1e-12], [1e9]]), known([[1e9], [1e-12]])
    found = difference(tiny, huge, 0.9999)
    assert math.isfinite(math.exp(found.high))
    assert math.exp(found.low) > 0
