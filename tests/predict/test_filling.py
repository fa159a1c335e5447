"""Layers that were not measured, from others that were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predict import worlds
from predict.worlds import rates
from reelbench.catalogue import presets
from reelbench.catalogue.counted import Count
from reelbench.catalogue.models import find_model
from reelbench.catalogue.models.steps import parts_of
from reelbench.predict.filling import fill

ROW = parts_of([find_model("videomae-s@8x96x96")])[1]
LAYER = f"{ROW.family}.{ROW.layer}"


def slower(power):
    """A layer whose efficiency changes with the work as a power of it."""

    def law(_, work):
        least = worlds.least_s(work)
        return 3 * least * (least / 1e-3) ** power

    return law


def at(*batches, law):
    return rates(*(worlds.layer_record(ROW, "train", law, batch=each) for each in batches))


@given(st.floats(-0.3, 0.3), st.sampled_from([2, 3, 4, 6]))
def test_between_two_sizes_a_power_law_is_interpolated_exactly(power, batch):
    law = slower(power)
    work = worlds.work_of(ROW, "train", batch)
    filled = fill(LAYER, "train", "float32", work, at(1, 8, law=law))
    assert filled.seconds == pytest.approx(law("", work), rel=1e-6)
    assert filled.way == "other shapes"


def test_beyond_the_sizes_measured_the_nearest_efficiency_holds():
    law = slower(0.2)
    work = worlds.work_of(ROW, "train", 64)
    filled = fill(LAYER, "train", "float32", work, at(1, 8, law=law))
    eight = worlds.work_of(ROW, "train", 8)
    expected = worlds.least_s(work) * law("", eight) / worlds.least_s(eight)
    assert filled.seconds == pytest.approx(expected)
    assert filled.nearest.startswith(ROW.name)


def test_nearer_kinds_of_work_come_first():
    work = worlds.work_of(ROW, "train")
    same = [worlds.layer_record(ROW, "train", slower(0), batch=2)]
    kin = [
        worlds.layer_record(row, "train", slower(0))
        for row in presets("attention")
        if row.layer != ROW.layer
    ]
    others = [worlds.layer_record(row, "train", slower(0)) for row in presets("convolution")]

    def way(*records):
        return fill(LAYER, "train", "float32", work, rates(*records)).way

    assert way(*same, *kin, *others) == "other shapes"
    assert way(*kin, *others) == "its family"
    assert way(*others) == "other layers"
    assert way(worlds.layer_record(ROW, "forward", slower(0))) == "ceilings"


def test_farther_kinds_of_work_are_believed_less():
    rows = [*presets("attention"), *presets("convolution"), *presets("windowed")]
    run = rates(*(worlds.layer_record(row, "train", worlds.uneven) for row in rows))
    work = worlds.work_of(ROW, "train", 2)
    near = fill(LAYER, "train", "float32", work, run)
    far = fill("dit.WanBlock", "train", "float32", work, run)
    assert near.way != far.way
    assert near.spread < far.spread


def test_the_ceilings_alone_are_believed_least():
    run = rates(worlds.layer_record(ROW, "forward", worlds.half))
    filled = fill(LAYER, "train", "float32", Count(1, 1e9, 1000), run)
    assert filled.way == "ceilings"
    assert filled.seconds > 1e9 / worlds.MATMUL
    assert filled.spread > 1
