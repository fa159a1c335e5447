import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.capacity.quantities import (
    BASES,
    Dimension,
    QuantityError,
    dimension_of,
    parse_quantity,
    print_quantity,
)

DAY = 86400


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("36 fps", 36, "frame/s"),
        ("1.5 PB", 1.5e15, "B"),
        ("1.5 TiB", 1.5 * 2**40, "B"),
        ("5 Mb/s", 625e3, "B/s"),
        ("200 Gbps", 25e9, "B/s"),
        ("$0.0826/kWh", 0.0826 / 3.6e6, "$/J"),
        ("$2.95/h", 2.95 / 3600, "$/s"),
        ("$107.5k", 107_500, "$"),
        ("$2M", 2e6, "$"),
        ("$2M/year", 2e6 / (365.25 * DAY), "$/s"),
        ("416 V-100 hours", None, ""),
        ("416 GPU-hours", 416 * 3600, "s"),
        ("70,000 GPU hours", 7e4 * 3600, "s"),
        ("6.50 /1000 node-days", 6.5 / 1000 / DAY, "1/s"),
        ("6.50 per 1000 node-days", 6.5 / 1000 / DAY, "1/s"),
        ("2.05e20 FLOP", 2.05e20, "FLOP"),
        ("989 TFLOP/s", 989e12, "FLOP/s"),
        ("1.8 EFLOP/s", 1.8e18, "FLOP/s"),
        ("750e9 tokens", 750e9, "token"),
        ("70 million clips", 70e6, "clip"),
        ("70 M clips", 70e6, "clip"),
        ("11 billion parameters", 11e9, ""),
        ("37.5 %", 0.375, ""),
        ("10 %/year", 0.1 / (365.25 * DAY), "1/s"),
        ("1 h/day", 1 / 24, ""),
        ("400 W", 400, "J/s"),
        ("64 MWh", 64e6 * 3600, "J"),
        ("2240 GPU-days", 2240 * DAY, "s"),
        ("5 µs", 5e-6, "s"),
        ("14.8 GB/kWh", 14.8e9 / 3.6e6, "B/J"),
        (64, 64, ""),
    ],
)
def test_quantities_of_plans_are_read_in_base_units(text, value, unit):
    if value is None:
        with pytest.raises(QuantityError):
            parse_quantity(text)
        return
    found, dimension = parse_quantity(text)
    assert found == pytest.approx(value, rel=1e-12)
    assert dimension == dimension_of(unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "5 parsecs",
        "5 s/",
        "nan",
        "inf",
        "1e999 s",
        "5 / 0 s",
        "--5",
        "5 s s^99",
        "$",
        "5" * 300,
    ],
)
def test_what_is_no_quantity_says_so(text):
    with pytest.raises(QuantityError):
        parse_quantity(text)


def test_a_quantity_of_another_dimension_names_both():
    with pytest.raises(QuantityError, match=r"'5 MB/s' is in B/s, and frame/s is needed"):
        parse_quantity("5 MB/s", dimension_of("frame/s"))


@given(
    st.lists(st.integers(-3, 3), min_size=len(BASES), max_size=len(BASES)),
    st.lists(st.integers(-3, 3), min_size=len(BASES), max_size=len(BASES)),
)
def test_dimensions_multiply_like_what_they_are_of(one, other):
    a, b = Dimension(tuple(map(float, one))), Dimension(tuple(map(float, other)))
    assert a * b == b * a
    assert (a * b) / b == a
    assert (a * a) == a**2
    assert (a / a).is_number


@given(st.floats(1e-6, 1e20))
def test_what_is_printed_is_within_a_rounding_of_the_value(value):
    for unit in ("B", "s", "J", "$", "clip", "FLOP", "$/s", "B/s", ""):
        text = print_quantity(value, dimension_of(unit))
        back, dimension = parse_quantity(text.replace("∞", "0"))
        assert dimension == dimension_of(unit), text
        assert math.isclose(back, value, rel_tol=0.006), text
