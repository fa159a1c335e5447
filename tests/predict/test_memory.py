"""The fullest moment of a training step."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predict.worlds import half, rates, records_of, work_of
from reelbench.catalogue.models import find_model
from reelbench.predict import counting
from reelbench.predict.memory import _moments, _Run, memory_of
from reelbench.predict.parts import Asked

VIT = find_model("videomae-s@8x96x96")
TIMESFORMER = find_model("timesformer@4x96x96,depth=4")

amounts = st.floats(0, 1e9)
runs = st.builds(_Run, amounts, amounts, amounts, amounts, amounts, amounts)
SLACK = 1 + 1e-9


def of(model, **asked):
    return from_records(model, records_of([model], half), **asked)


def from_records(model, records, backend="cpu", jaxlib="0.10.2", **asked):
    run = rates(*records, backend=backend, jaxlib=jaxlib)
    return memory_of(model, run, Asked("float32", **asked), counting.count)


def holding(record, **held):
    """The record of a train pass whose program says what it holds."""
    known = {"kept_bytes": 0, "prepared_bytes": 0, "prepared_forward_bytes": 0}
    record["memory"]["held"] = known | {"largest_parameter_bytes": 0} | held
    return record


def test_an_update_that_limits_the_norm_needs_twice_its_gradients():
    memory = of(VIT)
    assert memory.activations < 2 * memory.gradients
    assert memory.gradients == memory.parameters
    assert memory.temporary == 2 * memory.gradients
    assert memory.total == memory.inputs + 5 * memory.parameters


def test_a_large_batch_is_bound_by_activations():
    few, many = of(VIT), of(VIT, batch=64)
    assert many.activations == pytest.approx(64 * few.activations, rel=0.1)
    assert many.temporary >= many.activations > 2 * many.gradients
    assert many.parameters == few.parameters


def test_rematerialisation_keeps_no_more_than_inputs_and_one_layer():
    kept, again = (of(VIT, batch=64, backend="gpu", rematerialised=each) for each in (False, True))
    assert again.activations < kept.activations / 2
    block = next(part for part in VIT.parts if part.name == "blocks").preset
    assert again.activations >= 64 * work_of(block, "train").kept_bytes


@pytest.mark.parametrize(
    ("jaxlib", "saves"), [("0.10.2", False), ("0.12.0.1", True), ("1.0", True), ("unknown", False)]
)
def test_rematerialisation_saves_nothing_where_it_is_done_at_once(jaxlib, saves):
    kept, again = (of(VIT, batch=64, jaxlib=jaxlib, rematerialised=each) for each in (False, True))
    assert (again.total < kept.total) == saves
    assert saves or again == kept


def test_gradients_pass_one_by_one_where_an_update_looks_at_no_other():
    block = next(part for part in TIMESFORMER.parts if part.name == "blocks")
    unknown = of(TIMESFORMER)
    assert unknown.gradients == pytest.approx(unknown.parameters / block.copies, rel=0.2)
    known = from_records(
        TIMESFORMER,
        [holding(each, largest_parameter_bytes=999) for each in records_of([TIMESFORMER], half)],
    )
    assert known.gradients == 999


@pytest.mark.parametrize(
    ("held", "most"),
    [
        # Two of what a layer needs beside what it holds are never there at once.
        ({"kept_bytes": 7}, 6 * 7 + 90),
        ({"prepared_bytes": 7}, 6 * 7 + 90),
        ({"prepared_forward_bytes": 7}, 6 * 7 + 90),
        ({"kept_bytes": 7, "prepared_bytes": 2, "prepared_forward_bytes": 1}, 6 * 9 + 1 + 87),
        ({"kept_bytes": 1, "prepared_bytes": 2, "prepared_forward_bytes": 7}, 6 * 9 + 1 + 87),
    ],
)
def test_what_programs_hold_is_followed_through_the_step(held, most):
    records = records_of([TIMESFORMER], half, passes=["train"])
    for each in records:
        each["memory"]["temporary_bytes"] = 97
    memory = from_records(TIMESFORMER, [holding(each, **held) for each in records])
    assert memory.activations == memory.temporary == most


@pytest.mark.parametrize(("constant", "early"), [(None, 7), (7, 7), (3, 3), (0, 0)])
def test_what_is_made_of_parameters_waits_for_the_barrier_of_what_is_computed_again(
    constant, early
):
    def activations(constant):
        records = records_of([TIMESFORMER], half, passes=["train"])
        for each in records:
            each["memory"]["temporary_bytes"] = 97
            holding(each, kept_bytes=5, prepared_bytes=7, constant_bytes=constant)
        again = from_records(TIMESFORMER, records, jaxlib="0.12.0.1", rematerialised=True)
        return again.activations

    # Of six layers, one is at work.
    assert activations(constant) - activations(0) == 5 * early


@given(st.lists(runs, min_size=1, max_size=8))
def test_the_fullest_moment_is_between_its_parts_and_their_sum(found):
    moments = list(_moments(found))
    assert len(moments) == 2 * len(found)
    fullest = max(each.bytes for each in moments)
    waiting = sum(run.kept + run.prepared for run in found)
    forward = sum(run.prepared_forward for run in found)
    beside = max(run.beside + run.again for run in found)
    staying = sum(run.staying for run in found)
    passing = max(run.passing for run in found)
    assert max(waiting, forward, beside, staying, passing) <= fullest * SLACK
    assert fullest <= (waiting + forward + beside + staying + passing) * SLACK


@given(st.lists(runs, min_size=1, max_size=8), st.sampled_from(list(_Run.__dataclass_fields__)))
def test_more_of_anything_never_needs_less(found, field):
    more = [replace(run, **{field: 2 * getattr(run, field)}) for run in found]
    least = max(each.bytes for each in _moments(found))
    assert least <= max(each.bytes for each in _moments(more)) * SLACK
