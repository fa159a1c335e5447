"""Steps predicted on a machine whose laws are known."""

import subprocess
import sys
from dataclasses import replace

import pytest

from predict import worlds
from predict.worlds import half, layer_record, rates, records_of, step_record, uneven
from reelbench.catalogue import UnknownNameError
from reelbench.catalogue.models import find_model
from reelbench.catalogue.models.steps import parts_of, small
from reelbench.predict.errors import CeilingsError, RatesError
from reelbench.predict.step import group_of, predict_step

R3D = find_model("r3d_18@8x56x56")
VIT = find_model("videomae-s@8x96x96")
OTHERS = [model for model in small() if model.kind in ("swin3d", "timesformer", "wan", "mvit")]


@pytest.mark.parametrize("model", [R3D, VIT], ids=lambda model: model.name)
@pytest.mark.parametrize("again", [False, True], ids=["step", "remat"])
def test_a_step_of_measured_layers_is_their_sum(model, again):
    run = rates(*records_of([model], uneven))
    made = predict_step(model, run, rematerialised=again)
    (truth,) = rates(step_record(model, uneven, again=again)).steps
    assert made.step_s == pytest.approx(truth.median_s, rel=1e-6)
    assert made.sum_s == pytest.approx(truth.median_s, rel=1e-6)
    assert made.low_s < made.step_s < made.high_s
    assert made.clips_per_s == pytest.approx(1 / made.step_s)
    assert not made.missing
    assert not made.extrapolated


def test_a_sum_is_counted_part_by_part():
    made = predict_step(R3D, rates(*records_of([R3D], half)))
    assert made.sum_s == pytest.approx(sum(part.total_s for part in made.parts))
    assert [part.name for part in made.parts] == [*(p.name for p in R3D.parts), "optimizer"]


def test_rematerialisation_adds_the_forward_pass_and_keeps_less():
    run = rates(*records_of([VIT], half), backend="gpu")
    kept, again = (predict_step(VIT, run, rematerialised=each) for each in (False, True))
    assert again.step_s > 1.1 * kept.step_s
    assert again.memory.activations < 0.6 * kept.memory.activations
    assert again.memory.parameters == kept.memory.parameters


def test_what_a_sum_misses_is_learned_from_other_models_and_not_from_the_one_predicted():
    layers = records_of([R3D, *OTHERS], half)
    wholes = [step_record(model, half, 1.2) for model in OTHERS]
    without = predict_step(R3D, rates(*layers, *wholes))
    assert without.structure.models == len(OTHERS)
    assert without.step_s > 1.05 * without.sum_s
    # Its own step, however wrong, and that of its like at another size, change nothing.
    own = step_record(R3D, half, 9.0)
    assert predict_step(R3D, rates(*layers, *wholes, own)).step_s == without.step_s


def test_models_that_agree_narrow_the_interval_and_models_that_do_not_widen_it():
    layers = records_of([R3D, *OTHERS], half)
    agree = [step_record(model, half, 1.1) for model in OTHERS]
    scatter = [step_record(model, half, 1.0 + 0.5 * n) for n, model in enumerate(OTHERS)]

    def reach(*wholes):
        made = predict_step(R3D, rates(*layers, *wholes))
        return made.high_s / made.low_s

    assert reach(*agree) < reach() < reach(*scatter)


def test_a_missing_layer_is_filled_named_and_widens_the_interval():
    rows = records_of([R3D], half)
    lost = next(
        row for row in rows if row["identity"]["pass"] == "train"
        and row["identity"]["layer"] == "BasicBlock"
    )  # fmt: skip
    whole = predict_step(R3D, rates(*rows))
    made = predict_step(R3D, rates(*(row for row in rows if row is not lost)))
    assert {part.case for part in made.missing} == {lost["identity"]["preset"]}
    assert {part.way for part in made.missing} == {"other widths"}
    # All layers have one efficiency here, so the guess is right.
    assert made.step_s == pytest.approx(whole.step_s, rel=1e-6)
    assert made.high_s / made.low_s > whole.high_s / whole.low_s


def test_layers_of_another_model_predict_one_that_was_not_measured_at_all():
    made = predict_step(R3D, rates(*records_of([VIT], half)))
    truth = predict_step(R3D, rates(*records_of([R3D], half)))
    assert {part.way for part in made.missing} <= {"other layers", "its family", "ceilings"}
    assert made.step_s == pytest.approx(truth.step_s, rel=0.2)
    assert any(R3D.name in each for each in made.advice)


def test_the_fastest_implementation_is_taken_and_the_plain_one_on_request():
    slow = records_of([R3D], half)
    fast = records_of([R3D], lambda family, work: half(family, work) / 2, implementation="patches")
    run = rates(*slow, *fast)
    best, plain = (predict_step(R3D, run, implementation=way) for way in ("best", "reference"))
    assert best.sum_s == pytest.approx(plain.sum_s / 2)
    assert {part.implementation for part in best.parts[:-1]} == {"patches"}


def test_other_batches_are_interpolated_and_scale_with_the_work():
    run = rates(*records_of([VIT], half), *records_of([VIT], half, batch=4))
    made = predict_step(VIT, run, batch=2)
    one, four = predict_step(VIT, run), predict_step(VIT, run, batch=4)
    assert one.step_s < made.step_s < four.step_s
    assert made.missing
    assert made.clips_per_s == pytest.approx(2 / made.step_s)


def test_another_machine_has_the_efficiencies_of_this_one_at_its_own_ceilings():
    run = rates(*records_of([R3D], half))
    faster = worlds.machine("other-4c-8g-11111111", 3 * worlds.MATMUL, 3 * worlds.MEMORY)
    there = worlds.make.results(layer_record(parts_of([VIT])[0], "train", half), on=faster)
    here, made = predict_step(R3D, run), predict_step(R3D, run, on=there)
    assert made.step_s == pytest.approx(here.step_s / 3, rel=1e-6)
    assert made.extrapolated
    assert made.machine == "other-4c-8g-11111111"
    assert made.high_s / made.low_s > here.high_s / here.low_s
    assert "extrapolated" in made.notes[0]


def test_between_processors_of_two_makers_less_is_known():
    own = records_of([R3D], half)
    run = rates(*own, cpu_signature="AuthenticAMD/26/2/1")

    def on(signature):
        there = worlds.machine("other-4c-8g-11111111", cpu_signature=signature)
        made = worlds.make.results(layer_record(parts_of([VIT])[0], "train", half), on=there)
        return predict_step(R3D, run, on=made)

    alike, other = on("AuthenticAMD/25/1/1"), on("GenuineIntel/6/207/2")
    assert alike.step_s == other.step_s
    assert other.high_s / other.low_s > alike.high_s / alike.low_s


def test_nothing_is_claimed_from_a_cpu_of_a_gpu():
    run = rates(*records_of([R3D], half))
    there = worlds.make.results(
        layer_record(parts_of([VIT])[0], "train", half), on=worlds.machine(backend="gpu")
    )
    with pytest.raises(RatesError, match="no measured pair"):
        predict_step(R3D, run, on=there)


def test_memory_counts_what_training_holds():
    memory = predict_step(VIT, rates(*records_of([VIT], half))).memory
    parameters = 4 * sum(
        part.copies * worlds.work_of(part.preset, "forward").parameters for part in VIT.parts
    )
    assert memory.parameters == memory.gradients == parameters
    assert memory.optimizer == 2 * parameters
    assert memory.total > 4 * parameters
    sgd = predict_step(R3D, rates(*records_of([R3D], half))).memory
    assert sgd.optimizer == sgd.parameters


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"model": "r3d_81"}, UnknownNameError, "did you mean 'r3d_18'"),
        ({"dtype": "bfloat16"}, RatesError, "--reel-dtype bfloat16"),
    ],
)
def test_what_cannot_be_predicted_is_refused_with_what_to_do(changes, error, says):
    asked = {"model": R3D.name, "run": rates(*records_of([R3D], half))} | changes
    with pytest.raises(error, match=says):
        predict_step(asked.pop("model"), asked.pop("run"), **asked)


def test_a_run_without_ceilings_is_refused():
    bare = worlds.machine() | {"ceilings": []}
    results = worlds.make.results(*records_of([R3D], half)[:1], on=bare)
    with pytest.raises(CeilingsError, match="test_ceilings"):
        predict_step(R3D, results)


def test_sizes_of_one_model_are_one_group():
    assert group_of("r3d_18@8x56x56") == group_of("r3d_18") == "r3d_18"


def test_predicting_measured_layers_loads_no_jax():
    code = (
        "import sys; import reelbench.predict, reelbench.cli.predict; "
        "sys.exit(any(name in sys.modules for name in ('jax', 'flax', 'optax')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def wandering(pages):
    """Models whose steps are their sums, on a machine said to take memory anew at some rate."""
    layers = records_of([R3D, *OTHERS], half)
    wholes = [step_record(model, half, 1.1) for model in OTHERS]
    run = rates(*layers, *wholes)
    return replace(run, ceilings=replace(run.ceilings, paging=pages))


def test_pages_that_other_steps_show_nothing_of_are_left_out():
    plain, paged = (predict_step(R3D, wandering(pages), batch=1) for pages in (None, 1e6))
    assert paged.step_s == plain.step_s
    assert any("memory was kept" in note for note in paged.notes)
    assert not any("memory was kept" in note for note in plain.notes)


def test_pages_count_where_too_few_steps_tell_otherwise():
    run = rates(*records_of([R3D], half))
    run = replace(run, ceilings=replace(run.ceilings, paging=1e6))
    made = predict_step(R3D, run)
    assert made.paging_s != 0.0
    assert not any("memory was kept" in note for note in made.notes)
