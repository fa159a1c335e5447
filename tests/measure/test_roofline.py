"""The least time of a case follows from its work and the ceilings, and names what binds it."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.measure.roofline import roofline
from reelbench.results.schema import Ceiling

MIB = 2**20


def matmul(rate=1e11, dtype="float32"):
    return Ceiling(
        kind="matmul",
        dtype=dtype,
        precision="default",
        rate=rate,
        unit="FLOP/s",
        shape="512x512x512",
        sweep={"512x512x512": rate},
    )


def memory(rates=(4e10, 2e10, 1e10)):
    """A memory ceiling with a rate for each of 1, 4, 16, ... MiB."""
    sweep = {str(MIB * 4**n): rate for n, rate in enumerate(rates)}
    return Ceiling(
        kind="memory",
        dtype="float32",
        precision="default",
        rate=rates[-1],
        unit="B/s",
        shape=max(sweep, key=int),
        sweep=sweep,
    )


CEILINGS = [matmul(), memory()]
WORK = st.just(0.0) | st.floats(1, 1e15)


def test_much_work_on_few_bytes_is_bound_by_compute():
    found = roofline(1e11, 1000, "float32", CEILINGS)
    assert (found.seconds, found.bound) == (1.0, "compute")


def test_little_work_on_many_bytes_is_bound_by_memory():
    found = roofline(1000, 1e10, "float32", CEILINGS)
    assert (found.seconds, found.bound) == (1.0, "memory")


@given(WORK, WORK, WORK)
def test_more_flops_never_take_less_time(one, other, size):
    less, more = (roofline(flops, size, "float32", CEILINGS) for flops in sorted((one, other)))
    assert less.seconds <= more.seconds


@given(
    WORK,
    st.floats(0, 1e9),
    st.floats(0, 1e9),
    st.lists(st.floats(1e8, 1e13), min_size=1, max_size=5),
)
def test_more_bytes_never_take_less_time_whatever_the_sweep(flops, one, other, rates):
    ceilings = [matmul(), memory(rates)]
    less, more = (roofline(flops, size, "float32", ceilings) for size in sorted((one, other)))
    assert less.seconds <= more.seconds


@given(WORK, WORK, st.floats(1, 100))
def test_a_faster_machine_never_takes_longer(flops, size, factor):
    faster = [matmul(1e11 * factor), memory([rate * factor for rate in (4e10, 2e10, 1e10)])]
    slow, fast = (roofline(flops, size, "float32", each) for each in (CEILINGS, faster))
    assert fast.seconds <= slow.seconds
    assert fast.seconds == pytest.approx(slow.seconds / factor)
    if slow.seconds > 0 and not math.isclose(flops / 1e11, slow.seconds):
        assert fast.bound == "memory"


@pytest.mark.parametrize(
    ("size", "rate"),
    [
        (MIB // 2, 4e10),
        (MIB, 4e10),
        (4 * MIB - 1, 4e10),  # as in a cache that takes up to 4 MiB
        (4 * MIB, 2e10),
        (16 * MIB, 1e10),
        (1000 * MIB, 1e10),
    ],
)
def test_data_that_stay_in_a_cache_are_held_against_its_rate(size, rate):
    assert roofline(0, size, "float32", CEILINGS).seconds == pytest.approx(size / rate)


def test_a_small_size_is_never_held_against_less_than_a_larger_ones_rate():
    # Small calls are slow for the cost of a call, not of the memory.
    ceilings = [matmul(), memory((1e9, 5e10, 1e10))]
    assert roofline(0, MIB, "float32", ceilings).seconds == pytest.approx(MIB / 5e10)


def test_each_dtype_has_its_own_compute_ceiling():
    ceilings = [matmul(1e11), matmul(8e11, "bfloat16"), memory()]
    assert roofline(8e11, 0, "float32", ceilings).seconds == 8.0
    assert roofline(8e11, 0, "bfloat16", ceilings).seconds == 1.0


@pytest.mark.parametrize(
    "ceilings", [[], [matmul()], [memory()], [matmul(1e11, "bfloat16"), memory()]]
)
def test_without_the_ceilings_of_a_case_it_has_no_roofline(ceilings):
    assert roofline(1e9, 1e9, "float32", ceilings) is None


def test_no_work_takes_no_time():
    assert roofline(0, 0, "float32", CEILINGS).seconds == 0


def test_arithmetic_is_held_against_the_faster_of_its_ceilings():
    faster = msgspec.structs.replace(matmul(2e11), kind="convolution")
    found = roofline(1e9, 1.0, "float32", [matmul(1e11), faster, memory()])
    assert found.seconds == 1e9 / 2e11
    assert roofline(1e9, 1.0, "float32", [matmul(3e11), faster, memory()]).seconds == 1e9 / 3e11
