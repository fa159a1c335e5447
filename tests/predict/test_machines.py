"""From one machine to another: exact where the ceilings say all, between them elsewhere."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.predict.ceilings import Ceilings
from reelbench.predict.errors import CeilingsError
from reelbench.predict.machines import seconds_there

SIZES = (2**20, 2**24, 2**28)
positive = st.floats(1e-3, 1e3)


def ceilings(matmul, *memory, sizes=SIZES, dtype="float32"):
    rates = {size: rate * 1e10 for size, rate in zip(sizes, memory, strict=True)}
    return Ceilings("file.json", "machine", {dtype: matmul * 1e11}, rates)


machines = st.builds(ceilings, positive, positive, positive, positive)
works = st.tuples(st.floats(0, 1e12), st.floats(1, 1e9))


@given(machines, works, st.floats(1, 100))
def test_a_machine_is_like_itself(machine, work, slowness):
    seconds = slowness * machine.least(*work, "float32")[0]
    found = seconds_there(seconds, *work, "float32", machine, machine)
    assert found == pytest.approx(seconds)


@given(positive, positive, positive, positive, works, st.floats(1, 100), st.floats(0.01, 100))
def test_a_machine_faster_in_all_is_so_for_every_layer(m, a, b, c, work, slowness, factor):
    here = ceilings(m, a, b, c)
    there = ceilings(*(factor * rate for rate in (m, a, b, c)))
    seconds = slowness * here.least(*work, "float32")[0]
    found = seconds_there(seconds, *work, "float32", here, there)
    assert found == pytest.approx(seconds / factor)


@given(machines, machines, works)
def test_a_layer_at_its_ceiling_goes_with_it(here, there, work):
    least = here.least(*work, "float32")[0]
    found = seconds_there(least, *work, "float32", here, there)
    assert found == pytest.approx(there.least(*work, "float32")[0])


@given(machines, machines, works)
def test_a_layer_far_from_its_ceiling_goes_with_the_mean_of_all(here, there, work):
    seconds = 1e9 * here.least(*work, "float32")[0]
    arithmetic = math.log(here.matmul["float32"] / there.matmul["float32"])
    memory = sum(math.log(here.memory[size] / there.memory[size]) for size in SIZES) / len(SIZES)
    found = seconds_there(seconds, *work, "float32", here, there)
    assert found == pytest.approx(seconds * math.exp((arithmetic + memory) / 2))


@given(machines, machines, works, st.floats(1, 1e3))
def test_any_other_lies_between_the_two(here, there, work, slowness):
    least = here.least(*work, "float32")[0]
    seconds = slowness * least
    by_ceiling = there.least(*work, "float32")[0] / least
    by_mean = seconds_there(1e9, 0.0, 0.0, "float32", here, there) / 1e9
    found = seconds_there(seconds, *work, "float32", here, there) / seconds
    low, high = sorted((by_ceiling, by_mean))
    assert low * (1 - 1e-9) <= found <= high * (1 + 1e-9)


def test_of_machines_without_a_size_in_common_the_best_rates_tell():
    here = ceilings(1, 1, 4, sizes=(1, 2))
    there = ceilings(1, 16, sizes=(2**62,))
    # Arithmetic is equal, memory four times as fast: twice as fast by both.
    assert seconds_there(1.0, 0.0, 0.0, "float32", here, there) == pytest.approx(0.5)


def test_a_dtype_that_was_not_measured_there_is_named():
    with pytest.raises(CeilingsError, match="has no float32 ceiling, only bfloat16"):
        seconds_there(
            1.0, 1e9, 1e6, "float32", ceilings(1, 1, 1, 1), ceilings(1, 1, 1, 1, dtype="bfloat16")
        )
