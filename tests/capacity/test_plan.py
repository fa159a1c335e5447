"""Plans as a planner reads them: laws that any answer must obey, and answers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.scenarios import BASE, figure, text
from reelbench.capacity.answers import COUNT, deadline_for, devices_for, grid, largest, with_count
from reelbench.capacity.estimate import Draws
from reelbench.capacity.explaining import by_kind, causes, worth_measuring
from reelbench.capacity.joining import question
from reelbench.capacity.limits import limits
from reelbench.capacity.outcome import PlanError, Relief
from reelbench.capacity.reading import parse
from reelbench.capacity.sweep import parse_axis, sweep

DAY, HOUR = 86400.0, 3600.0
FEW = Draws(500)
STILL = f"""
[reliability]
failures = {figure("0 /day")}
straggling = {figure("0 %")}
"""
CERTAIN = text(throughput=figure("10 clips/s", "published")) + STILL


def ask(source=BASE, **changes):
    return question(parse(source.encode(), "plan.toml", changes))


def answer(source=BASE, draws=FEW, **changes):
    return ask(source, **changes).answer(draws)


def test_a_plan_without_losses_is_work_over_rate():
    plan = answer(CERTAIN)
    assert plan.time.median == pytest.approx(2e6 / 10 / 64)
    assert plan.device_time.median == pytest.approx(2e5)
    assert plan.clips.median == 2e6


def test_every_answer_carries_an_interval_and_its_inputs():
    plan = answer()
    for name in ("time", "device_time", "energy", "cost"):
        estimate = getattr(plan, name)
        low, high = estimate.interval()
        assert low < estimate.median < high
        assert "model.throughput" in estimate.inputs
    low, high = plan.time.interval()
    assert high / low == pytest.approx(2, rel=0.1)


def test_boundaries_of_energy_follow_each_other():
    plan = answer()
    device, server, facility = (
        e.median for e in (plan.device_energy, plan.server_energy, plan.energy)
    )
    assert device < server < facility
    inner = answer(BASE + "[power]\nboundary = 'device'\n")
    assert inner.energy.median == pytest.approx(inner.device_energy.median)


def test_measured_watts_replace_power_and_load():
    plan = answer(BASE + f"[power]\nmeasured = {figure('500 W', 'measured')}\n")
    assert plan.device_power.median == 500
    assert "power.load" not in plan.energy.figures


@settings(max_examples=20)
@given(st.integers(1, 2000), st.integers(2, 10))
def test_more_devices_are_never_slower_without_communication(count, times):
    few = answer(CERTAIN, **{"device.count": str(count)})
    many = answer(CERTAIN, **{"device.count": str(count * times)})
    assert many.time.median == pytest.approx(few.time.median / times, rel=1e-9)


def test_the_slowest_way_in_decides():
    feeds = f"""
[feed]
storage_bandwidth = {figure("1 GB/s")}
"""
    slow = CERTAIN.replace("epochs = 2", f"epochs = 2\nclip_size = {figure('10 MB/clip')}") + feeds
    plan = answer(slow)
    assert plan.time.median == pytest.approx(2e6 / 100)
    found = limits(ask(slow), plan)
    assert (found[0].name, found[0].binds) == ("storage", True)
    assert found[0].gain == pytest.approx(0.5)
    assert {each.name: each.in_use for each in found}["compute"] == pytest.approx(100 / 640)


def test_communication_adds_what_is_not_hidden():
    # 1e9 parameters of 2 bytes over 8 nodes of 8: a ring at 10 GB/s takes 0.394 s a step.
    more = f"""
batch = "640 clips"
parameters = {figure("1e9")}
"""
    source = (
        text(throughput=figure("10 clips/s", "published"), epochs="2\n" + more)
        + STILL
        + f"""
[network]
bandwidth = {figure("10 GB/s")}
efficiency = {figure("1.0")}
latency = {figure("1e-9 s")}
overlap = {figure("0.5")}
"""
    )
    plan = answer(source)
    step = 1.0 + 0.5 * 2 * 63 / 64 * 2e9 / 10e9
    assert plan.time.median == pytest.approx(2e6 / 640 * step, rel=1e-5)


def test_rent_is_cheaper_with_a_commitment_and_later():
    now = answer(CERTAIN + f"[money]\nprice_decline = {figure('20 %/year')}\n")
    year = answer(CERTAIN + "[money]\ncommitment = '1 year'\n")
    assert 0.58 < year.rent_rate.median / now.rent_rate.median < 0.76
    later = answer(
        CERTAIN + f"[money]\nyears_ahead = '2 years'\nprice_decline = {figure('20 %/year')}\n"
    )
    assert later.rent_rate.median == pytest.approx(0.64 * now.rent_rate.median)
    assert later.capital.median == pytest.approx(0.64 * now.capital.median)


def test_owning_costs_more_with_a_site_and_staff_and_less_when_it_is_used():
    def owned(more):
        return answer(CERTAIN + f"[money]\nmode = 'own'\n{more}\n").own_rate.median

    bare = owned("")
    assert owned(f"facility = {figure('$20000/kW')}") > 1.2 * bare
    assert owned(f"operations = {figure('5 %/year')}") > 1.1 * bare
    busy, idle = (owned(f"utilisation = {figure(share)}") for share in ("95 %", "30 %"))
    assert busy < bare < idle


def test_money_follows_the_device_hours():
    plan = answer(BASE)
    assert plan.cost_per_clip.median == pytest.approx((plan.cost / plan.clips).median)
    assert plan.cost_per_epoch.median == pytest.approx(plan.cost.median / 2)
    assert plan.cost_per_training.median == pytest.approx(plan.cost.median)
    assert 0 < plan.book_value.median < plan.capital.median


def test_a_model_is_split_until_it_fits():
    big = text(epochs=f"2\nparameters = {figure('30e9')}")
    plan = answer(big)
    (each,) = plan.trainings
    # 480 GB of state: 72 GB a device at the median.
    assert each.layout.tensor.item() * each.layout.pipeline.item() == 8
    assert each.layout.memory.median < 1
    tight = answer(text(epochs=f"2\nparameters = {figure('30e12')}"))
    assert any("does not fit" in note for note in tight.notes)


def test_sharded_state_needs_no_split():
    plan = answer(text(epochs=f"2\nparameters = {figure('30e9')}") + "[parallel]\nsharded = true\n")
    assert plan.trainings[0].layout.tensor.item() == 1


def test_a_site_holds_no_more_devices_than_its_power():
    plan = answer(BASE + f"[power]\nsite_cap = {figure('20 kW')}\n")
    assert plan.devices.median < 64
    assert plan.power.median <= 20_000 * 1.001
    limit = {
        e.name: e for e in limits(ask(BASE + f"[power]\nsite_cap = {figure('20 kW')}\n"), plan)
    }
    assert limit["power"].gain > 0.3


def test_a_second_failure_regime_lengthens_the_job():
    regime = f"""
[[reliability.regime]]
name = "switches"
rate = {figure("1 /1000 node-days")}
exponent = {figure("1.5")}
"""
    one, two = (
        answer(BASE, **{"device.count": "4096"}),
        answer(BASE + regime, **{"device.count": "4096"}),
    )
    assert two.mttf.median < one.mttf.median
    assert two.goodput.median < one.goodput.median
    assert two.time.median > one.time.median


def test_fleet_to_frames_clips_and_bytes():
    source = f"""
title = "fleet"
[fleet]
vehicles = {figure("1000")}
cameras = {figure("8")}
frame_rate = {figure("36 fps")}
bitrate = {figure("5 Mb/s")}
recording = {figure("1 h/day")}
uploaded = {figure("10 %")}
collected = "30 days"
clip_length = "10 s/clip"
[curation]
kept = {figure("50 %")}
device_time = {figure("1 s/clip")}
[[model]]
name = "net"
throughput = {figure("10 clips/s")}
[device]
kind = "h100"
count = 10
{STILL}
"""
    plan = answer(source)
    assert plan.demand.frames_per_day.median == pytest.approx(1000 * 8 * 36 * 3600 * 0.1)
    assert plan.demand.bytes_per_day.median == pytest.approx(1000 * 8 * 625e3 * 3600 * 0.1)
    assert plan.demand.raw_clips.median == pytest.approx(1000 * 3600 * 0.1 / 10 * 30)
    assert plan.demand.clips.median == pytest.approx(540_000)
    assert plan.curation.median == pytest.approx(1_080_000 / 10)
    assert plan.time.median == pytest.approx(540_000 / 10 / 10 + 108_000)


def test_several_models_and_retraining_add_up():
    stack = CERTAIN.replace(
        "[device]",
        """[[model]]
name = "others"
networks = 47
trainings = 2
device_time = { value = "100 GPU-hours", kind = "assumed", source = "x" }
retrain_every = "30 days"
[device]""",
    )
    plan = answer(stack)
    assert plan.device_time.median == pytest.approx(2e5 + 94 * 100 * HOUR)
    assert plan.cadence.median == pytest.approx(94 * 100 * HOUR / 64 / (30 * DAY))


def test_six_n_d_with_and_without_attention():
    source = (
        """
title = "x"
[[model]]
name = "lm"
tokens = "1e12 tokens"
parameters = { value = 1e9, kind = "assumed", source = "x" }
mfu = { value = 0.5, kind = "assumed", source = "x" }
MORE
[device]
kind = "h100"
count = 1
"""
        + STILL
    )
    plain = answer(source.replace("MORE", ""))
    assert plain.device_time.median == pytest.approx(6e21 / (989e12 * 0.5))
    more = "layers = {}\nwidth = {}\nsequence = {}".format(
        figure("10"), figure("1000"), figure("50000 tokens")
    )
    attention = answer(source.replace("MORE", more))
    assert attention.flops.median == pytest.approx(1e12 * (6e9 + 12 * 10 * 1000 * 50_000))


def test_counted_models_need_no_flops():
    source = text(throughput=None, name='"net"\ncatalogue = "videomae-b-pretrain"')
    plan = answer(source)
    assert plan.flops.median == pytest.approx(2e6 * 212.6e9, rel=1e-3)
    assert plan.trainings[0].basis == "estimated"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (text(count=None), r"field `device.count`: is missing"),
        (text(throughput=None), r"does not say how fast it is"),
        (text(clips=None), r"says nothing of how much is trained on"),
        (text(epochs=f"2\ndevice_time = {figure('1 h')}"), "gives throughput and device_time"),
        (text(throughput=figure("10 tokens/s")), "is per token, and how many"),
        (
            text(throughput=None, epochs=f"2\nflops = {figure('1 GFLOP/clip')}", kind='"other"'),
            "device.peak.bf16",
        ),
        (
            text(epochs="2\n[model.measured]\ncases = [{ case = 'a' }]", throughput=None),
            "needs a result file",
        ),
        (BASE + "[money]\nmode = 'own'\n", None),
        (text(kind='"a5000"') + "[money]\nmode = 'rent'\n", "field `device.rent`: is missing"),
    ],
)
def test_what_a_plan_lacks_is_named(source, problem):
    if problem is None:
        assert answer(source).cost is not None
        return
    with pytest.raises(PlanError, match=problem):
        answer(source)


def test_an_unknown_device_has_no_throughput_of_its_own():
    """Only what is measured or published says how fast; a device by name alone says nothing."""
    with pytest.raises(PlanError, match="peak"):
        answer(text(kind='"dojo"', throughput=None, name='"net"\ncatalogue = "timesformer"'))


def test_shares_of_variance_add_up_and_name_what_to_measure():
    asked = ask()
    found = causes(asked.answer(Draws(4000)).cost, asked.known)
    assert sum(by_kind(found).values()) == pytest.approx(1)
    assert sum(each.total for each in found) == pytest.approx(1, abs=0.1)
    best, advice = worth_measuring(found)
    assert best.figure.name == "model.throughput"
    assert "--rates" in advice


def test_devices_for_a_deadline_meet_it_and_no_fewer_would():
    asked = ask()
    found = devices_for(asked, HOUR)
    assert found.value % 8 == 0  # whole nodes
    after = grid(asked, {COUNT: np.array([found.value, found.value - 8])})
    met = (after.time <= HOUR).mean(axis=1)
    assert met[0] >= 0.9 > met[1]
    assert found.low <= found.value <= found.high
    nothing = devices_for(asked, 1e-3)
    assert nothing.value is None
    assert nothing.least > 1e-3


def test_a_budget_gives_the_least_time_it_can_buy():
    rented = BASE.replace("count = 64\n", "") + "[money]\nmode = 'rent'\n"
    asked = ask(rented)
    found = deadline_for(asked, 1000.0)
    assert found.value is not None
    after = grid(with_count(asked, 1), {COUNT: np.array([found.devices])})
    assert (after.cost <= 1000.0).mean() >= 0.9
    assert deadline_for(asked, 1.0).value is None


def test_the_largest_data_set_for_a_budget_and_a_date():
    asked = ask()
    found = largest(asked, "model.clips", 2000.0, 10 * DAY)
    after = grid(asked, {"model.clips": np.array([found.value, found.value * 1.1])}, draws=400)
    good = ((after.time <= 10 * DAY) & (after.cost <= 2000)).mean(axis=1)
    assert good[0] >= 0.9 > good[1]
    with pytest.raises(PlanError, match="not given"):
        largest(asked, "model.tokens", 1.0, 1.0)


def test_a_sweep_is_the_plan_at_each_point():
    asked = ask()
    axes = [parse_axis("device.count=8..64*2", asked), parse_axis("model.epochs=1,2", asked)]
    points = sweep(asked, axes, draws=300)
    assert [each.at for each in points][:3] == [(8, 1), (8, 2), (16, 1)]
    alone = ask(**{"device.count": "16", "model.epochs": "1"}).answer(Draws(300, by_input=False))
    assert points[2].answers["time"][1] == pytest.approx(alone.time.median)
    with pytest.raises(PlanError, match="100,000"):
        sweep(asked, [parse_axis("device.count=1..1000000+1", asked)])


def test_a_usual_mfu_is_swept_by_either_name():
    asked = ask(text(throughput=None, name='"net"\ncatalogue = "timesformer"'))
    for path in ("model.mfu", "mfu.plain"):
        low, high = sweep(asked, [parse_axis(f"{path}=0.1,0.2", asked)], draws=200)
        ratio = low.answers["device_time"][1] / high.answers["device_time"][1]
        assert ratio == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("name", list(Relief.__dataclass_fields__))
def test_loosening_a_limit_never_makes_a_plan_slower(name):
    asked = ask(BASE + f"[power]\nsite_cap = {figure('20 kW')}\n")
    still = Draws(200, by_input=False)
    before, after = asked.answer(still), asked.answer(still, relief=Relief(**{name: 2.0}))
    assert (after.time.rows <= before.time.rows * (1 + 1e-9)).all()
