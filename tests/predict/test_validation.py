"""Predictions held against measurements whose truth is known."""

import pytest

from predict import worlds
from predict.worlds import half, layer_record, rates, records_of, step_record
from reelbench.catalogue import presets
from reelbench.catalogue.models.steps import small
from reelbench.predict.validation import (
    check_filling,
    check_machines,
    check_sittings,
    check_steps,
    summarise,
)

MODELS = [model for model in small() if model.kind in ("resnet3d", "vit", "swin3d", "wan")]


def test_a_world_where_steps_are_sums_is_predicted_exactly():
    records = [*records_of(MODELS, half), *(step_record(model, half) for model in MODELS)]
    checked = check_steps([rates(*records)])
    assert len(checked) == len(MODELS)
    assert all(each.error == pytest.approx(0, abs=1e-6) and each.held for each in checked)


def test_a_step_that_is_not_its_sum_is_an_error_with_its_sign():
    wholes = [step_record(model, half, 2.0) for model in MODELS[:1]]
    (only,) = check_steps([rates(*records_of(MODELS[:1], half), *wholes)])
    assert only.error == pytest.approx(-0.5)
    assert only.sum_error == pytest.approx(-0.5)
    assert not only.held


def test_steps_of_models_that_this_catalogue_does_not_have_are_passed_over():
    strange = step_record(MODELS[0], half)
    strange["identity"]["preset"] = "model-from-elsewhere@1x1x1"
    assert not check_steps([rates(*records_of(MODELS[:1], half), strange)])


def test_machines_of_equal_efficiencies_predict_each_other():
    rows = presets("convolution")
    here = rates(*(layer_record(row, "train", half) for row in rows))
    twice = {"name": "other-2c-8g-22222222", "matmul": 2 * worlds.MATMUL,
             "memory": 2 * worlds.MEMORY}  # fmt: skip
    faster = [layer_record(row, "train", lambda f, w: half(f, w) / 2) for row in rows]
    across = check_machines([here, rates(*faster, source="there.json", **twice)])
    assert {each.what for each in across} == {"layers"}
    assert {(each.here, each.there) for each in across} == {
        (here.machine, twice["name"]), (twice["name"], here.machine),
    }  # fmt: skip
    assert all(error == pytest.approx(0, abs=1e-9) for each in across for error in each.errors)


def test_steps_of_one_machine_are_predicted_from_layers_of_another():
    here = rates(*records_of(MODELS, half))
    twice = {"name": "other-2c-8g-22222222", "matmul": 2 * worlds.MATMUL,
             "memory": 2 * worlds.MEMORY}  # fmt: skip
    # The other machine has whole steps alone. They take half as long, and one ten times that.
    factors = [5.0] + [0.5] * (len(MODELS) - 1)
    steps = [
        step_record(model, half, factor) for model, factor in zip(MODELS, factors, strict=True)
    ]
    (steps_there,) = [
        each
        for each in check_machines([here, rates(*steps, source="there.json", **twice)])
        if each.what == "steps"
    ]
    assert (steps_there.here, steps_there.there) == (here.machine, twice["name"])
    assert steps_there.errors[0] == pytest.approx(-0.9, rel=1e-3)
    assert steps_there.errors[1:] == pytest.approx([0] * (len(MODELS) - 1), abs=1e-3)
    assert not steps_there.held[0]
    assert all(steps_there.held[1:])


def test_a_step_of_which_another_machine_measured_little_is_not_predicted_from_it():
    here = rates(*records_of(MODELS, half)[:1])
    there = rates(*(step_record(model, half) for model in MODELS), name="other-2c-8g-22222222")
    assert not [each for each in check_machines([here, there]) if each.what == "steps"]


def test_a_cpu_and_a_gpu_are_not_held_against_each_other():
    row = presets("convolution")[0]
    here = rates(layer_record(row, "train", half))
    there = rates(layer_record(row, "train", half), name="gpu-1x-80g-33333333", backend="gpu")
    assert not check_machines([here, there])


def test_emptied_caches_of_one_file_do_not_set_machines_apart():
    rows = presets("convolution")
    cold = [layer_record(row, "train", half) for row in rows]
    for each in cold:
        each["timing"]["cold_s"] = 3 * each["timing"]["median_s"]
    warm = rates(*(layer_record(row, "train", half) for row in rows), name="other-2c-8g-22222222")
    across = check_machines([rates(*cold), warm])
    assert all(error == pytest.approx(0, abs=1e-9) for each in across for error in each.errors)


def test_a_layer_in_another_sitting_is_held_against_the_one_before_it():
    rows = presets("convolution")[:2]
    first = rates(*(layer_record(row, "train", half) for row in rows))
    slower = rates(layer_record(rows[0], "train", lambda f, w: 1.5 * half(f, w)))
    last = rates(*(layer_record(row, "train", half) for row in rows))
    assert check_sittings([first, slower, last]) == pytest.approx([0.5, 1 / 1.5 - 1, 0.0])
    assert check_sittings([first]) == []


@pytest.mark.parametrize(
    "other", [{"name": "other-2c-8g-22222222"}, {"jaxlib": "0.99.0"}], ids=["machine", "version"]
)
def test_sittings_that_are_not_alike_are_not_held_against_each_other(other):
    row = presets("convolution")[0]
    first, second = (
        rates(layer_record(row, "train", half), **each) for each in ({"jaxlib": "0.12.0"}, other)
    )
    assert check_sittings([first, second]) == []


def test_layers_of_one_efficiency_fill_each_other_exactly():
    records = records_of(MODELS, half)
    filled = {each.way: each for each in check_filling([rates(*records)])}
    assert {"other widths", "its family", "other layers"} <= set(filled)
    for each in filled.values():
        assert each.errors == pytest.approx([0.0] * len(each.errors), abs=1e-9)
        assert all(each.held)


def test_a_summary_has_no_signs_but_its_bias():
    line = summarise("all", [0.1, -0.3, 0.2], [True, False, True])
    assert (line.median, line.worst) == (pytest.approx(0.2), pytest.approx(0.3))
    assert line.bias == pytest.approx(0.0)
    assert line.held == pytest.approx(2 / 3)
