"""The fullest moment of a training step."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predict.worlds import half, rates, records_of, work_of
from reelbench.catalogue.models import find_model
from reelbench.predict import counting
from reelbench.predict.memory import _fullest, _LayerMemory, memory_of
from reelbench.predict.parts import Asked

VIT = find_model("videomae-s@8x96x96")
R3D = find_model("r3d_18@8x56x56")
TIMESFORMER = find_model("timesformer@4x96x96,depth=4")

amounts = st.floats(0, 1e9)
layers = st.builds(_LayerMemory, amounts, amounts, amounts, amounts)


@st.composite
def passing_layers(draw):
    layer = draw(layers)
    return replace(layer, passing=layer.parameters / draw(st.integers(1, 12)))


def of(model, **asked):
    run = rates(*records_of([model], half))
    return memory_of(model, run, Asked("float32", **asked), counting.count)


def test_an_update_that_limits_the_norm_needs_twice_its_gradients():
    memory = of(VIT)
    assert memory.activations < 2 * memory.gradients
    assert memory.temporary == 2 * memory.gradients
    assert memory.total == memory.inputs + 5 * memory.parameters


def test_a_large_batch_is_bound_by_activations():
    few, many = of(VIT), of(VIT, batch=64)
    assert many.activations == pytest.approx(64 * few.activations, rel=0.1)
    assert many.temporary >= many.activations > 2 * many.gradients
    assert many.parameters == few.parameters


def test_rematerialisation_keeps_no_more_than_inputs_and_one_layer():
    kept, again = of(VIT, batch=64), of(VIT, batch=64, rematerialised=True)
    assert again.activations < kept.activations / 2
    block = next(part for part in VIT.parts if part.name == "blocks").preset
    assert again.activations >= 64 * work_of(block, "train").kept_bytes


@given(st.lists(layers, min_size=1, max_size=8))
def test_the_fullest_moment_is_between_its_parts_and_their_sum(found):
    fullest, activations, most = _fullest(found)
    kept = sum(layer.kept for layer in found)
    gradients = sum(layer.parameters for layer in found)
    beside = max(layer.beside for layer in found)
    slack = 1 + 1e-9
    assert kept <= activations * slack
    assert activations <= (kept + beside) * slack
    assert max(activations, gradients) <= fullest * slack
    assert fullest <= (kept + beside + gradients) * slack
    assert most == pytest.approx(gradients)


@given(st.lists(passing_layers(), min_size=1, max_size=8))
def test_gradients_that_are_used_up_with_their_layer_are_never_there_together(found):
    fullest, activations, most = _fullest(found)
    assert most == max(layer.passing for layer in found)
    slack = 1 + 1e-9
    assert max(activations, most) <= fullest * slack
    assert fullest <= (activations + most) * slack


def test_only_what_multiplies_matrices_is_updated_layer_by_layer_and_only_without_a_common_norm():
    tokens, volumes = of(TIMESFORMER), of(R3D)
    block = next(part for part in TIMESFORMER.parts if part.name == "blocks")
    one = tokens.parameters / block.copies
    assert tokens.gradients < 1.2 * one < 0.5 * tokens.parameters
    assert volumes.gradients == pytest.approx(volumes.parameters, rel=0.05)
    assert of(VIT).gradients == of(VIT).parameters
