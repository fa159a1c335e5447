"""What GPUs do now is told from whatever nvidia-smi prints, of old drivers and new ones."""

import os

import pytest

from reelbench.machine import nvidia, nvidia_now
from reelbench.machine.nvidia_now import Gpu, add
from reelbench.results.schema import Health

FACTS = "NVIDIA H100, 81559, 570.86.15, 700.00, 1980"
# clocks.sm, clocks.max.sm, power.draw, temperature.gpu
NUMBERS = "1485, 1980, 693.21, 66"
COUNTERS = "1000000, 0, 2500000, 0"

NEW, MIDDLE, OLD, OLDEST = "new", "middle", "old", "oldest"


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """Put an nvidia-smi of a driver on the PATH, alone; it keeps its arguments in ``asked``."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    script = tmp_path / "nvidia-smi"

    def put(active="0x0000000000000000", driver=NEW, numbers=NUMBERS, apps="", counters=COUNTERS):
        answers = {
            "*clocks_event_reasons_counters*": f"{numbers}, {active}, {counters}",
            "*clocks_event_reasons.active*": f"{numbers}, {active}",
            "*clocks_throttle_reasons.active*": f"{numbers}, {active}",
            "*temperature.gpu*": numbers,
        }
        known = list(answers)[(NEW, MIDDLE, OLD, OLDEST).index(driver) :]
        if driver == NEW:
            known = [name for name in known if "throttle" not in name]
        cases = "".join(f"{name}) echo '{answers[name]}';;\n" for name in known)
        lines = "".join(f"echo '{line}'\n" for line in apps.splitlines()) or ":"
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncase "$*" in\n'
            f"*driver_version*) echo '{FACTS}';;\n*compute-apps*) {lines};;\n{cases}"
            "*) echo 'Field is not a valid field to query.'; exit 2;;\nesac\n"
        )
        script.chmod(0o755)
        nvidia._ask.cache_clear()

    yield put
    nvidia._ask.cache_clear()


def asked(tmp_path):
    file = tmp_path / "asked"
    return file.read_text().splitlines() if file.exists() else []


def test_a_busy_gpu_tells_clock_power_temperature_and_reasons(smi):
    smi("0x0000000000000044")
    (gpu,) = nvidia_now.read()
    assert gpu.clock_share == pytest.approx(0.75)
    assert (gpu.power_w, gpu.temperature_c) == (693.21, 66)
    assert gpu.reasons == {"sw_power_cap", "hw_thermal_slowdown"}
    assert gpu.held_s["hw_thermal_slowdown"] == 2.5


@pytest.mark.parametrize("driver", [NEW, MIDDLE, OLD])
def test_every_driver_is_asked_by_the_names_that_it_knows(smi, driver):
    smi("0x0000000000000088", driver)
    (gpu,) = nvidia_now.read()
    assert gpu.reasons == {"hw_slowdown", "hw_power_brake_slowdown"}
    assert gpu.temperature_c == 66


def test_a_driver_that_knows_no_reasons_still_tells_the_rest(smi):
    smi(driver=OLDEST)
    (gpu,) = nvidia_now.read()
    assert gpu.clock_share == pytest.approx(0.75)
    assert (gpu.reasons, gpu.held_s) == (frozenset(), {})


def test_an_idle_gpu_is_not_called_slow(smi):
    smi("0x0000000000000005", numbers="345, 1980, 70.1, 30")
    (gpu,) = nvidia_now.read()
    assert gpu.clock_share is None
    assert gpu.reasons == frozenset()


def test_what_a_gpu_does_not_tell_is_unknown(smi):
    smi("[N/A]", numbers="[N/A], [Not Supported], [N/A], [N/A]", counters="[N/A], , x, nan")
    assert nvidia_now.read() == [Gpu()]


def test_without_an_nvidia_gpu_there_is_nothing_to_read(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    nvidia._ask.cache_clear()
    assert nvidia_now.read() == []
    assert nvidia_now.neighbours() is None
    nvidia._ask.cache_clear()


@pytest.mark.parametrize("hidden", ["", " ", "-1", "-1,0"])
def test_gpus_that_are_hidden_from_cuda_are_not_asked(smi, tmp_path, monkeypatch, hidden):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    smi()
    assert nvidia_now.read() == []
    assert asked(tmp_path) == []


def test_only_the_gpus_that_cuda_may_use_are_asked(smi, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
    smi()
    nvidia_now.read()
    nvidia_now.neighbours()
    assert all("--id=1,2" in line for line in asked(tmp_path) if "driver_version" not in line)


def test_nothing_is_ever_set(smi, tmp_path):
    smi()
    nvidia_now.read()
    nvidia_now.neighbours()
    first = [line.split("=")[0] for line in asked(tmp_path)]
    assert set(first) == {"--query-gpu", "--query-compute-apps"}


def test_this_process_and_those_that_started_it_are_no_neighbours(smi):
    smi(apps=f"{os.getpid()}\n{os.getppid()}")
    assert nvidia_now.neighbours() == 0


def test_other_processes_are_neighbours_unless_they_are_named(smi):
    smi(apps=f"{os.getpid()}\n999999998\n999999999")
    assert nvidia_now.neighbours() == 2
    assert nvidia_now.neighbours([999999999]) == 1


@pytest.mark.parametrize("apps", ["", "No running processes found", "[Insufficient Permissions]"])
def test_a_gpu_without_processes_has_no_neighbours(smi, apps):
    smi(apps=apps)
    assert nvidia_now.neighbours() == 0


@pytest.mark.parametrize(("namespace", "count"), [("4026531836", 2), ("4026532999", None)])
def test_in_a_container_processes_numbered_as_the_host_does_cannot_be_told(
    smi, tmp_path, namespace, count
):
    smi(apps="999999998\n999999999")
    link = tmp_path / "self" / "ns" / "pid"
    link.parent.mkdir(parents=True)
    link.symlink_to(f"pid:[{namespace}]")
    assert nvidia_now.neighbours(proc=tmp_path) == count


def test_health_holds_the_lowest_clock_the_hottest_gpu_and_all_reasons():
    before = [Gpu(0.9, 100.0, 50.0, frozenset({"sync_boost"})), Gpu(0.5)]
    after = [Gpu(None, 200.0, 60.0), Gpu(0.8, 300.0, 70.0, frozenset({"hw_slowdown"}))]
    health = add(Health(seconds=1.0, others_share=0.25), before, after, 4)
    assert health.accelerator_clock_share == 0.5
    assert health.accelerator_power_w == 500.0
    assert health.accelerator_temperature_c == 70.0
    assert health.throttle_reasons == ["hw_slowdown", "sync_boost"]
    assert (health.neighbours, health.others_share) == (4, 0.25)


@pytest.mark.parametrize(("held_s", "reasons"), [(10.3, []), (12.0, ["hw_thermal_slowdown"])])
def test_a_reason_that_held_in_between_is_told_though_it_is_over(held_s, reasons):
    before = Gpu(held_s={"hw_thermal_slowdown": 10.0})
    after = Gpu(held_s={"hw_thermal_slowdown": held_s, "sw_power_cap": 99.0})
    health = add(Health(seconds=10.0), [before], [after], None)
    assert health.throttle_reasons == reasons


def test_gpus_that_tell_nothing_leave_everything_unknown():
    health = add(Health(seconds=1.0), [Gpu()], [Gpu()], None)
    assert health == Health(seconds=1.0)
