import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench import units

TIMES = st.floats(1e-9, 1e6)
RATES = st.floats(1e-3, 1e20)
PREFIXES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
BYTE_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("5 min", 300),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("2.5 min", 150),
        ("250ms", 0.25),
        ("1d", 86400),
    ],
)
def test_durations_that_people_write_are_read(text, seconds):
    assert units.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", " ", "m", "5x", "-5m", "5m30", "1 0s", "nan", "inf", "1e5", "0s", "9" * 400, "5m!"]
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(units.UnitError, match="write 90s, 5m or 1h30m"):
        units.parse_duration(text)


@given(st.text())
def test_any_text_is_a_positive_duration_or_a_unit_error(text):
    try:
        seconds = units.parse_duration(text)
    except units.UnitError:
        return
    assert 0 < seconds < math.inf


@given(st.floats(0.5, 1e8, exclude_min=True))
def test_a_printed_duration_is_read_back_to_the_digits_shown(seconds):
    step = 1 if seconds < 3600 else 60
    assert abs(units.parse_duration(units.print_duration(seconds)) - seconds) <= step


@given(TIMES)
def test_a_printed_time_has_three_right_digits(seconds):
    number, unit = units.print_time(seconds).split()
    assert float(number) * TIME_UNITS[unit] == pytest.approx(seconds, rel=5.1e-3)
    assert len(number.replace(".", "").lstrip("0")) <= 7


@given(RATES)
def test_a_printed_rate_has_three_right_digits_and_the_fitting_prefix(value):
    number, unit = units.print_rate(value, "B/s").split()
    assert float(number) * PREFIXES[unit.removesuffix("B/s")] == pytest.approx(value, rel=5.1e-3)
    assert value > 9e20 or float(number) < 1000


@given(st.floats(1, 1e15))
def test_printed_bytes_have_three_right_digits(value):
    number, unit = units.print_bytes(value).split()
    assert float(number) * BYTE_UNITS[unit] == pytest.approx(value, rel=5.1e-3, abs=0.5)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_prints_longer_than_a_cell(value):
    printers = (
        units.print_time,
        units.print_duration,
        units.print_rate,
        units.print_share,
        units.print_ratio,
    )
    assert all(len(printer(value)) < 24 for printer in printers)


@pytest.mark.parametrize(
    ("value", "text"),
    [(999.6, "1.00 kB/s"), (999.4, "999 B/s"), (0, "0 B/s"), (1.2e11, "120 GB/s")],
)
def test_a_rate_never_shows_a_thousand_of_a_smaller_unit(value, text):
    assert units.print_rate(value, "B/s") == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(1, "1.000×"), (1.0034, "1.003×"), (0.5, "0.500×"), (123.4, "123×")]
)
def test_a_ratio_near_one_shows_a_tenth_of_a_per_cent(ratio, text):
    assert units.print_ratio(ratio) == text
