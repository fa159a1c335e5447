"""What taking memory anew costs a step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predict import worlds
from predict.worlds import half, rates, records_of
from reelbench.catalogue.models import find_model
from reelbench.predict.ceilings import Ceilings
from reelbench.predict.paging import paged, paging_s
from reelbench.predict.step import predict_step

VIT = find_model("videomae-s@8x96x96")
MACHINE = Ceilings("a.json", "a", {"float32": 1e11}, {2**40: 1e10}, "cpu", 1e9)


def test_small_pieces_are_kept_and_large_ones_are_not():
    assert paged(2**20) == 0
    assert paged(2**30) == 2**30


def test_a_step_pays_for_what_its_layers_did_not():
    assert paging_s(3e9, 1e9, MACHINE) == pytest.approx(2.0)
    assert paging_s(1e9, 3e9, MACHINE) == pytest.approx(-2.0)


@given(st.floats(0, 1e12), st.floats(0, 1e12))
def test_nothing_is_said_of_a_machine_whose_rate_is_unknown(step, alone):
    unknown = Ceilings("a.json", "a", {"float32": 1e11}, {2**40: 1e10})
    assert paging_s(step, alone, unknown) == 0.0


def test_a_measured_rate_of_paging_is_part_of_a_prediction():
    ceiling = {
        "kind": "paging", "dtype": "float32", "precision": "default", "rate": 5e9, "unit": "B/s",
        "shape": "given", "sweep": {"1": 5e9},
    }  # fmt: skip
    on = worlds.machine()
    known = on | {"ceilings": [*on["ceilings"], ceiling]}
    records = records_of([VIT], half)
    without = predict_step(VIT, rates(*records))
    made = predict_step(VIT, worlds.make.results(*records, on=known))
    assert without.paging_s == 0
    assert any("memory anew" in note for note in without.notes)
    assert made.paging_s == pytest.approx(made.memory.temporary / 5e9)
    assert made.step_s == pytest.approx(without.step_s + made.paging_s)
