"""The fullest moment of a training step."""

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

layers = st.builds(
    _LayerMemory,
    st.floats(0, 1e9),
    st.floats(0, 1e9),
    st.floats(0, 1e9),
    st.floats(0, 1e9),
)


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
    fullest, activations = _fullest(found)
    kept = sum(layer.kept for layer in found)
    gradients = sum(layer.parameters for layer in found)
    beside = max(layer.beside for layer in found)
    slack = 1 + 1e-9
    assert kept <= activations * slack
    assert activations <= (kept + beside) * slack
    assert max(activations, gradients) <= fullest * slack
    assert fullest <= (kept + beside + gradients) * slack
