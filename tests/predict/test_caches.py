"""What a layer takes amid a model, from calls that found the caches emptied."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predict.worlds import half, layer_record, machine, rates
from reelbench.catalogue import find
from reelbench.catalogue.models.steps import FAMILY
from reelbench.predict.caches import amid_a_model_s
from reelbench.results.schema import Machine, Timing
from results import documents as make

TIMES = st.floats(1e-6, 1.0)


def timing(median_s: float, cold_s: float | None) -> Timing:
    made = make.record(median_s)["timing"]
    return msgspec.convert(made | {"cold_s": cold_s}, Timing)


def known(floor_s: float = 0.0, cold_floor_s: float | None = None) -> Machine:
    floors = {"floor_s": floor_s, "cold_floor_s": cold_floor_s}
    return msgspec.convert(machine() | floors, Machine)


@given(TIMES, TIMES)
def test_without_such_calls_it_is_as_when_repeated(level, median):
    assert amid_a_model_s(level, timing(median, None), known()) == level


@given(TIMES, st.floats(1.0, 5.0))
def test_it_is_longer_by_half_of_what_the_calls_took_longer(level, times):
    assert amid_a_model_s(level, timing(0.01, 0.01 * times), known()) == pytest.approx(
        level * (1 + times) / 2
    )


@given(TIMES, TIMES, TIMES, TIMES, TIMES)
def test_it_is_never_shorter(level, median, cold, floor, cold_floor):
    found = amid_a_model_s(level, timing(median, cold), known(floor, cold_floor))
    assert found >= level


@given(TIMES, st.floats(1.0, 5.0))
def test_it_is_between_both(level, times):
    found = amid_a_model_s(level, timing(0.01, 0.01 * times), known())
    assert level <= found <= level * times


def test_what_starting_a_program_takes_longer_is_left_out():
    found = amid_a_model_s(0.001, timing(0.001, 0.0015), known(0.0001, 0.0003))
    assert found == pytest.approx(0.001 + (0.0005 - 0.0002) / 2)


def test_the_rates_of_layers_are_those_amid_a_model_and_those_of_steps_are_not():
    preset = find("x3d-m-res4")
    record = layer_record(preset, "train", half)
    record["timing"]["cold_s"] = 2 * record["timing"]["median_s"]
    step = make.record(0.5, family=FAMILY, **{"pass": "step"})
    step["timing"]["cold_s"] = 1.0
    run = rates(record, step)
    assert run.knows_cold
    assert run.cases[0].median_s == pytest.approx(1.5 * record["timing"]["median_s"])
    assert run.steps[0].median_s == pytest.approx(0.5)
    assert not rates(layer_record(preset, "train", half)).knows_cold
