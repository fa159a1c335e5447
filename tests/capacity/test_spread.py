import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.capacity.quantities import QuantityError, dimension_of
from reelbench.capacity.spread import parse_spread

ENDS = np.array([0.05, 0.95])


def read(value, unit="", domain="positive", **options):
    return parse_spread(value, (dimension_of(unit),), domain, **options)[0]


@pytest.mark.parametrize(
    ("value", "unit", "domain", "kind"),
    [
        ("5 to 20 min", "s", "positive", "lognormal"),
        ("0.2 to 0.55", "", "positive share", "logit-normal"),
        ("0 to 1", "", "share", "uniform"),
        ("-5 to 5", "", "any", "normal"),
        ("$0.06/kWh to $0.12/kWh", "$/J", "positive", "lognormal"),
        ("$17000 to $21000", "$", "positive", "lognormal"),
        ("8 to 12 %/year", "1/s", "nonnegative", "lognormal"),
        ("99 to 101 s", "s", "positive", "normal"),
    ],
)
def test_a_range_is_the_ninety_per_cent_interval_of_the_usual_distribution(
    value, unit, domain, kind
):
    spread = read(value, unit, domain)
    assert spread.kind == kind
    if kind != "uniform":
        assert spread.quantile(ENDS) == pytest.approx([spread.low, spread.high], rel=1e-9)


@given(st.floats(1e-3, 1e6), st.floats(1.01, 1e4))
def test_positive_ranges_give_positive_values_and_keep_their_ends(low, ratio):
    spread = read(f"{low!r} to {low * ratio!r}")
    values = spread.quantile(np.linspace(0.0001, 0.9999, 101))
    assert (values > 0).all()
    assert (np.diff(values) >= 0).all()
    assert spread.quantile(ENDS) == pytest.approx([low, low * ratio], rel=1e-6)


@given(st.floats(0.001, 0.5), st.floats(0.001, 0.49))
def test_shares_stay_between_nothing_and_all(low, more):
    values = read(f"{low!r} to {low + more!r}", domain="share").quantile(
        np.linspace(0.0001, 0.9999, 101)
    )
    assert ((values > 0) & (values < 1)).all()


def test_other_distributions_when_asked():
    p = np.linspace(0.0005, 0.9995, 1000)
    assert read("2 to 6", kind="uniform").quantile(p).mean() == pytest.approx(4, rel=1e-3)
    tri = read("2 to 6", kind="triangular", mode=3).quantile(p)
    assert tri.mean() == pytest.approx((2 + 6 + 3) / 3, rel=1e-3)
    assert 2 <= tri.min() < tri.max() <= 6
    steps = read([1, 2, 4]).quantile(p)
    assert set(steps) == {1.0, 2.0, 4.0}
    assert np.isclose(np.median(read("1 to 100", kind="loguniform").quantile(p)), 10, rtol=0.01)


@pytest.mark.parametrize(
    ("value", "unit", "domain", "options", "problem"),
    [
        ("20 to 5 min", "s", "positive", {}, "impossible range"),
        ("5 to 5", "", "positive", {}, "impossible range"),
        ("5 to 20 min", "B", "positive", {}, "is in s, and B is needed"),
        ("5 s to 20 GB", "s", "positive", {}, "ends of the range are in s and in B"),
        ("-3", "", "positive", {}, "not above zero"),
        ("-3", "", "nonnegative", {}, "below zero"),
        ("0.5 to 1.5", "", "share", {}, "is a share"),
        ("120 %", "", "positive share", {}, "is a share"),
        ("5", "", "positive", {"kind": "normal"}, "needs a range"),
        ("0.0 to 5", "", "nonnegative", {"kind": "lognormal"}, "above zero"),
        ("1 to 5", "", "positive", {"kind": "triangular", "mode": 7}, "mode must lie"),
        ([], "", "positive", {}, "1 to 1000"),
        (["1 s", "1 B"], "s", "positive", {}, "several dimensions"),
    ],
)
def test_what_makes_no_sense_is_said(value, unit, domain, options, problem):
    with pytest.raises(QuantityError, match=problem):
        read(value, unit, domain, **options)
