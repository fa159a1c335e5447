import pytest

from capacity.scenarios import BASE, text
from predict.worlds import half, machine, records_of
from reelbench.capacity.errors import CapacityError
from reelbench.capacity.estimate import Draws
from reelbench.capacity.joining import question
from reelbench.capacity.outcome import PlanError
from reelbench.capacity.rates import FileRates, RateError
from reelbench.capacity.reading import parse
from reelbench.catalogue.models import find_model
from reelbench.predict.step import predict_step
from results import documents as make

CASE = "r3d-layer1/train"
MEASURED = '\n[model.measured]\ncases = [{{ case = "{}"{} }}]\nextrapolate = {}\n\n[device]'


def scenario(kind, case=CASE, more="", extrapolate="false", device=""):
    source = text(throughput=None, kind=f'"{kind}"\n{device}')
    return source.replace("\n[device]", MEASURED.format(case, more, extrapolate))


def answer(source, rates):
    return question(parse(source.encode(), "plan.toml"), rates).answer(Draws(500))


@pytest.fixture
def rates(tmp_path):
    """A CPU machine on which one clip of r3d-layer1 trains in 10 ms."""
    record = make.record(0.010, **{"pass": "train"})
    return FileRates(make.write(tmp_path, make.document(record), "RUN.json"))


def test_a_measured_machine_plans_for_itself(rates):
    plan = answer(scenario("measured"), rates)
    # 2e6 clips of 10 ms on 64 such machines, slower by what stragglers and failures take.
    assert plan.time.median == pytest.approx(2e6 * 0.010 / 64, rel=0.1)
    (each,) = plan.trainings
    assert each.basis == "measured"
    assert "RUN.json" in each.why


def test_one_process_widens_the_interval(rates, tmp_path):
    alone = answer(scenario("measured"), rates).trainings[0].device_time.interval()
    replicates = [make.timing()["replicates"][0] | {"process": name} for name in ("a", "b", "c")]
    record = make.record(
        0.010, timing=make.timing(0.010, replicates=replicates), **{"pass": "train"}
    )
    path = make.write(tmp_path, make.document(record), "THREE.json")
    three = answer(scenario("measured"), FileRates(path)).trainings[0].device_time.interval()
    assert alone[1] / alone[0] > 1.3 > 1.1 > three[1] / three[0]


def test_a_rate_never_becomes_another_devices_unasked(rates):
    with pytest.raises(PlanError, match=r"was measured on xeon-2c-8g.*extrapolate = true"):
        answer(scenario("h100"), rates)


def test_what_is_extrapolated_says_so_and_is_wide(rates):
    plan = answer(scenario("h100", extrapolate="true"), rates)
    (each,) = plan.trainings
    assert each.basis == "extrapolated"
    assert "extrapolated" in each.why
    low, high = each.device_time.interval()
    assert high / low > 8
    # The same share of its ceiling: 1.2e11 FLOP/s there, 989e12 at bf16 here.
    assert each.device_time.median == pytest.approx(2e6 * 0.010 * 1.2e11 / 989e12, rel=0.2)
    own = answer(scenario("measured"), rates).trainings[0].device_time.interval()
    assert own[1] / own[0] < high / low


def test_the_words_reach_the_table(rates, tmp_path, capsys):
    from reelbench.cli import main

    path = tmp_path / "plan.toml"
    path.write_text(scenario("h100", extrapolate="true"))
    assert main(["plan", str(path), "--rates", rates.name]) == 0
    out = capsys.readouterr().out
    assert "Step times: extrapolated." in out
    assert "nobody measured this device" in " ".join(out.split())


def test_layers_are_summed_as_often_as_they_run(rates):
    one = answer(scenario("measured"), rates).trainings[0]
    twelve = answer(scenario("measured", more=", times = 12"), rates).trainings[0]
    assert twelve.device_time.median == pytest.approx(12 * one.device_time.median, rel=1e-6)
    assert "layers only" in twelve.why


@pytest.mark.parametrize(
    ("case", "more", "problem"),
    [
        ("r3d-layer9/train", "", "RUN.json: lacks r3d-layer9/train: measure it with pytest"),
        ("r3d-layer1/forward", "", "use one of r3d-layer1/train"),
        (CASE, ', dtype = "bfloat16"', "lacks r3d-layer1/train"),
        (CASE, ", batch = 64", "lacks r3d-layer1/train"),
    ],
)
def test_a_case_that_is_missing_is_named_with_what_to_do(rates, case, more, problem):
    with pytest.raises(RateError) as caught:
        answer(scenario("measured", case, more), rates)
    assert problem in str(caught.value)


def test_a_case_that_was_not_measured_says_why(tmp_path):
    over = make.outcome("would_not_fit", "2 GiB of 1 GiB", preset="big", **{"pass": "train"})
    document = make.document(make.record(), block=make.run(outcomes=[over]))
    rates = FileRates(make.write(tmp_path, document, "RUN.json"))
    with pytest.raises(RateError, match="would not fit"):
        answer(scenario("measured", "big/train"), rates)


def test_a_gpu_is_recognised_by_its_name(tmp_path):
    on = make.machine("h100-1", accelerator="NVIDIA H100 80GB HBM3", backend="gpu")
    record = make.record(0.001, **{"pass": "train"})
    rates = FileRates(make.write(tmp_path, make.document(record, on=on), "RUN.json"))
    assert answer(scenario("h100"), rates).trainings[0].basis == "measured"
    with pytest.raises(PlanError, match=r"device\.kind is h200"):
        answer(scenario("h200"), rates)


def test_measured_watts_are_planned_with(tmp_path):
    record = make.record(0.001, **{"pass": "train"})
    record["timing"]["replicates"][0]["health"] = {"seconds": 1.0, "accelerator_power_w": 500.0}
    on = make.machine("h100-1", accelerator="NVIDIA H100 80GB HBM3", backend="gpu")
    rates = FileRates(make.write(tmp_path, make.document(record, on=on), "RUN.json"))
    plan = answer(scenario("h100"), rates)
    assert plan.device_power.median == pytest.approx(500, rel=0.01)
    assert "power.load" not in plan.energy.figures
    other = answer(scenario("h200", extrapolate="true"), rates)
    assert "power.load" in other.energy.figures


def test_files_that_do_not_say_what_they_are_measure_nothing(tmp_path):
    document = make.document()
    document["machine_info"].pop("reelbench")
    with pytest.raises(RateError, match="which machine"):
        FileRates(make.write(tmp_path, document, "RUN.json"))


def test_a_throughput_needs_no_file():
    assert question(parse(BASE.encode(), "x")).answer(Draws(200)).trainings[0].basis == "published"


def predicted(step, more=""):
    source = text(throughput=None, kind='"measured"\n')
    return source.replace("\n[device]", f'\n[model.measured]\nstep = "{step}"\n{more}\n[device]')


@pytest.fixture
def layers(tmp_path):
    """A machine on which every layer of X3D-XS was measured."""
    model = find_model("x3d-xs")
    document = make.document(*records_of([model], half))
    document["machine_info"]["reelbench"] = machine()
    return FileRates(make.write(tmp_path, document, "LAYERS.json"))


def test_a_step_is_predicted_from_layers(layers):
    (each,) = answer(predicted("x3d-xs"), layers).trainings
    assert "step of x3d-xs predicted from its layers" in each.why
    expected = predict_step("x3d-xs", layers._results)
    assert each.device_time.median == pytest.approx(2e6 * expected.step_s, rel=0.2)


@pytest.mark.parametrize(
    ("step", "more", "word"),
    [
        ("x3d-xxs", "", "x3d-xs"),
        ("x3d-xs", 'dtype = "bfloat16"', "bfloat16"),
        ("x3d-xs@5x3x3x3", "", "x3d-xs"),
    ],
)
def test_a_step_that_cannot_be_predicted_names_file_and_field(layers, step, more, word):
    with pytest.raises(RateError, match=rf"LAYERS\.json: measured\.step: .*{word}") as caught:
        answer(predicted(step, more), layers)
    assert "\n" not in str(caught.value)


def test_cases_and_step_exclude_each_other():
    with pytest.raises(CapacityError, match="either cases"):
        parse(predicted("x3d-xs", 'cases = [{ case = "a/train" }]').encode(), "plan.toml")
