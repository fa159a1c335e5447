import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.stats.sequential import critical, nominal_levels, spending

LOOKS = (6, 8, 10, 12)


def test_one_look_is_an_ordinary_test():
    assert nominal_levels((20,), 20, 0.05) == pytest.approx((0.05,), abs=1e-6)
    assert critical((20,), 20, 0.05) == pytest.approx(2.0930, abs=1e-3)  # t, 19 degrees of freedom


def test_levels_agree_with_published_boundaries_of_five_looks():
    # Lan and DeMets' O'Brien-Fleming-like spending at five equal looks, two-sided 5 %: the
    # boundaries that the literature gives are 4.877, 3.357, 2.680, 2.290, 2.031.
    from scipy.special import ndtri

    levels = nominal_levels((20, 40, 60, 80, 100), 100, 0.05)
    assert [-ndtri(level / 2) for level in levels] == pytest.approx(
        [4.877, 3.357, 2.680, 2.290, 2.031], abs=5e-3
    )


@pytest.mark.parametrize("alpha", [0.05, 0.0075])
def test_error_over_all_looks_is_the_one_asked_for(alpha):
    rng = np.random.default_rng(1)
    trials = 40_000
    samples = rng.standard_normal((trials, LOOKS[-1]))
    alarmed = np.zeros(trials, bool)
    for place, count in enumerate(LOOKS):
        seen = samples[:, :count]
        statistic = np.abs(seen.mean(1)) / (seen.std(1, ddof=1) / np.sqrt(count))
        alarmed |= statistic > critical(LOOKS[: place + 1], LOOKS[-1], alpha)
    noise = 4 * np.sqrt(alpha * (1 - alpha) / trials)
    assert alarmed.mean() == pytest.approx(alpha, abs=noise + 0.03 * alpha)


@given(st.floats(1e-4, 0.2), st.integers(2, 40))
def test_spending_grows_to_alpha(alpha, parts):
    spent = [spending(part / parts, alpha) for part in range(parts + 1)]
    assert spent[0] == 0
    assert spent == sorted(spent)
    assert spent[-1] == pytest.approx(alpha)


@given(st.floats(1e-3, 0.1))
def test_more_looks_ask_for_more_at_the_end(alpha):
    assert critical(LOOKS, 12, alpha) >= critical((12,), 12, alpha) - 1e-9


@pytest.mark.parametrize("looks", [(), (1, 2), (4, 4), (6, 14)])
def test_impossible_looks_are_refused(looks):
    with pytest.raises(ValueError, match="looks"):
        critical(looks, 12, 0.05)
