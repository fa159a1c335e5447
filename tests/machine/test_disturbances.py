"""What counts as a disturbance, and that what is unknown does not."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.machine.disturbances import disturbances
from reelbench.results.schema import Health

QUIET = Health(
    seconds=1.0,
    others_share=0.02,
    steal_share=0.001,
    throttled_share=0.0,
    load_1m=0.2,
    clock_hz=3e9,
    accelerator_clock_share=0.95,
    throttle_reasons=["sw_power_cap"],
    accelerator_power_w=690.0,
    accelerator_temperature_c=66.0,
    neighbours=0,
)


def said(cpus=8, **changes):
    return [str(each) for each in disturbances(msgspec.structs.replace(QUIET, **changes), cpus)]


def test_a_quiet_machine_with_a_power_cap_is_not_disturbed():
    assert said() == []


def test_what_is_unknown_disturbs_nothing():
    assert disturbances(Health(seconds=1.0), 8) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"others_share": 0.234}, "others' CPU: 23 %"),
        ({"steal_share": 0.083}, "stolen by the hypervisor: 8.3 %"),
        ({"throttled_share": 0.02}, "throttled by the CPU quota: 2.0 %"),
        ({"neighbours": 2}, "other processes on the GPU: 2"),
        (
            {"accelerator_clock_share": 0.61, "throttle_reasons": ["hw_thermal_slowdown"]},
            "GPU slowed down: 61 % of its clock, hw thermal slowdown",
        ),
        (
            {"accelerator_clock_share": None, "throttle_reasons": ["hw_power_brake_slowdown"]},
            "GPU slowed down: hw power brake slowdown",
        ),
    ],
)
def test_each_disturbance_is_said_with_how_much(changes, words):
    assert said(**changes) == [words]


@pytest.mark.parametrize(
    "changes",
    [
        {"accelerator_clock_share": 0.61},  # by the cap, which holds in every reading
        {"accelerator_clock_share": 0.61, "throttle_reasons": []},
        {"accelerator_clock_share": 0.8, "throttle_reasons": ["hw_thermal_slowdown"]},
        {"throttle_reasons": ["applications_clocks_setting", "sync_boost"]},
    ],
)
def test_a_gpu_that_is_not_slowed_far_by_its_own_protection_is_not_disturbed(changes):
    assert said(**changes) == []


def test_half_a_processor_of_others_counts_on_a_machine_of_many():
    assert said(cpus=2, others_share=0.09) == []
    assert said(cpus=64, others_share=0.6 / 64) == ["others' CPU: 0.9 %"]
    assert said(cpus=64, others_share=0.4 / 64) == []


def test_several_come_in_the_order_in_which_they_matter():
    found = said(others_share=0.5, steal_share=0.5, throttled_share=0.5, neighbours=1)
    kinds = [each.partition(":")[0] for each in found]
    assert kinds == [
        "others' CPU",
        "stolen by the hypervisor",
        "throttled by the CPU quota",
        "other processes on the GPU",
    ]


shares = st.none() | st.floats(0, 1)
healths = st.builds(
    Health,
    seconds=st.just(1.0),
    others_share=shares,
    steal_share=shares,
    throttled_share=shares,
    accelerator_clock_share=shares,
    throttle_reasons=st.lists(st.sampled_from(["hw_slowdown", "sw_power_cap"]), unique=True),
    neighbours=st.none() | st.integers(0, 9),
)


@given(healths, st.integers(1, 512), st.sampled_from(["others", "steal", "throttled"]), shares)
def test_more_of_a_disturbance_never_makes_a_reading_quiet(health, cpus, which, share):
    name = f"{which}_share"
    more = msgspec.structs.replace(health, **{name: max(share or 0, getattr(health, name) or 0)})
    before = {each.what for each in disturbances(health, cpus)}
    assert before <= {each.what for each in disturbances(more, cpus)}


@given(healths, st.integers(1, 512), st.integers(0, 512))
def test_more_processors_never_make_others_matter_less(health, cpus, more):
    before = {each.what for each in disturbances(health, cpus)}
    assert before <= {each.what for each in disturbances(health, cpus + more)}
