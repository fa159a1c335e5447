import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.stats.moderation import FEWEST, Prior, prior
from reelbench.stats.unpaired import Priors, difference, known, spread_of

RNG_SEED = 20_261_125


def drawn(rng, cases, processes, unlike):
    """Medians of processes of many cases whose spreads are unlike by a factor."""
    spreads = 0.02 * np.exp(unlike * rng.standard_normal(cases))
    return [np.exp(s * rng.standard_normal(processes)).tolist() for s in spreads], spreads


def expected(samples):
    return prior([spread_of([each])[1:] for each in samples])


def test_few_samples_expect_nothing():
    assert prior([(1.0, 2.0)] * (FEWEST - 1)) is None
    assert prior([(0.0, 2.0)] * 50) is None


def test_cases_that_vary_alike_are_worth_many_degrees_of_freedom():
    rng = np.random.default_rng(RNG_SEED)
    samples, _ = drawn(rng, 300, 3, 0.0)
    found = expected(samples)
    assert found.freedom > 10
    assert math.sqrt(found.variance) == pytest.approx(0.02, rel=0.1)


def test_cases_that_are_unlike_are_worth_few():
    rng = np.random.default_rng(RNG_SEED)
    samples, _ = drawn(rng, 300, 3, 1.0)
    assert expected(samples).freedom < 6


@given(
    st.lists(st.tuples(st.floats(1e-8, 1e2), st.floats(1, 20)), min_size=FEWEST, max_size=40),
    st.floats(0, 10),
    st.floats(0, 30),
)
def test_a_moderated_variance_lies_between_its_own_and_what_is_expected(samples, variance, freedom):
    found = prior(samples)
    assert found.freedom > 0
    made, total = found.moderated(variance, freedom)
    low, high = sorted((variance, found.variance))
    assert low * (1 - 1e-9) <= made <= high * (1 + 1e-9)
    assert total == pytest.approx(found.freedom + freedom)


def test_no_variance_of_its_own_leaves_what_is_expected():
    assert Prior(0.04, 7.0).moderated(0.0, 0.0) == (0.04, 7.0)


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("unlike", [0.0, 0.5, 1.0])
def test_intervals_of_few_processes_cover_and_are_far_narrower_than_students(unlike, processes):
    rng = np.random.default_rng(RNG_SEED)
    held, plain_widths, widths = 0, [], []
    for _ in range(60):
        sides = [drawn(rng, 25, processes, unlike)[0] for _ in range(2)]
        priors = [Priors(processes=expected(side)) for side in sides]
        for one, other in zip(*sides, strict=True):
            found = difference(
                known([one], priors=priors[0]), known([other], priors=priors[1]), 0.997
            )
            plain = difference(known([one]), known([other]), 0.997)
            held += found.low <= 0 <= found.high
            widths.append(found.high - found.low)
            plain_widths.append(plain.high - plain.low)
    assert held / 1500 >= 0.99
    assert np.median(widths) < 0.8 * np.median(plain_widths)
