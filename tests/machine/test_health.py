"""What a watch says the machine did, from counters that stand in for the kernel's."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.machine import cgroup, health, nvidia, nvidia_now, processors
from reelbench.machine.health import Watch
from reelbench.machine.nvidia_now import Gpu
from reelbench.machine.processors import Processors

ME = 4711


@dataclass
class Machine:
    """Counters that only move when a test moves them."""

    at: float = 1000.0
    processors: int = 2
    busy_s: float = 500.0
    steal_s: float | None = 20.0
    throttled_s: float | None = 3.0
    used_s: dict[int, float] = field(default_factory=lambda: {ME: 60.0})

    def pass_(self, seconds, *, own=0.0, others=0.0, steal=0.0, throttled=0.0):
        self.at += seconds
        self.busy_s += own + others
        self.used_s[ME] += own
        self.steal_s = None if self.steal_s is None else self.steal_s + steal
        self.throttled_s = None if self.throttled_s is None else self.throttled_s + throttled


def stand_in(monkeypatch):
    made = Machine()
    monkeypatch.setattr(health.time, "monotonic", lambda: made.at)
    monkeypatch.setattr(health, "_used_s", lambda pid: made.used_s.get(pid))
    monkeypatch.setattr(cgroup, "throttled_s", lambda: made.throttled_s)
    monkeypatch.setattr(
        processors, "read", lambda: Processors(made.processors, made.busy_s, made.steal_s)
    )
    monkeypatch.setattr(nvidia_now, "read", list)
    return made


@pytest.fixture
def machine(monkeypatch):
    return stand_in(monkeypatch)


def test_shares_are_of_the_time_of_all_processors(machine):
    watch = Watch([ME])
    machine.pass_(10, own=6, others=4, steal=1, throttled=0.5)
    seen = watch.end()
    assert seen.seconds == pytest.approx(10)
    assert seen.others_share == pytest.approx(4 / 20)
    assert seen.steal_share == pytest.approx(1 / 20)
    assert seen.throttled_share == pytest.approx(0.5 / 20)


def test_own_work_on_every_processor_is_not_others(machine):
    watch = Watch([ME])
    machine.pass_(5, own=10)
    assert watch.end().others_share == 0


def test_the_work_of_further_processes_is_not_others_when_they_are_named(machine):
    machine.used_s[4712] = 1.0
    both, one = Watch([ME, 4712]), Watch([ME])
    machine.pass_(10, others=5)
    machine.used_s[4712] += 5
    assert both.end().others_share == pytest.approx(0)
    assert one.end().others_share == pytest.approx(5 / 20)


def test_a_process_that_ended_leaves_the_share_of_others_unknown(machine):
    machine.used_s[4712] = 100.0
    watch = Watch([ME, 4712])
    machine.pass_(10, steal=1)
    del machine.used_s[4712]
    seen = watch.end()
    assert seen.others_share is None
    assert seen.steal_share == pytest.approx(1 / 20)


def test_a_window_of_a_few_ticks_gives_no_shares(machine):
    watch = Watch([ME])
    machine.pass_(0.15, others=0.1, steal=0.1, throttled=0.1)
    seen = watch.end()
    assert seen.seconds == pytest.approx(0.15)
    assert (seen.others_share, seen.steal_share, seen.throttled_share) == (None, None, None)


def test_what_the_system_does_not_tell_is_unknown(machine):
    machine.steal_s = machine.throttled_s = None
    watch = Watch([ME])
    machine.pass_(1, others=1)
    seen = watch.end()
    assert (seen.steal_share, seen.throttled_share) == (None, None)
    assert seen.others_share == pytest.approx(0.5)


amounts = st.floats(0, 50)


@given(seconds=st.floats(0.2, 1e4), others=amounts, own=amounts, steal=amounts)
def test_shares_are_shares_whatever_the_counters_say(seconds, others, own, steal):
    with pytest.MonkeyPatch.context() as patch:
        made = stand_in(patch)
        watch = Watch([ME])
        # The kernel's counters of processors and of processes are not updated together.
        made.pass_(seconds, own=own, others=others - 5, steal=steal - 5)
        seen = watch.end()
    assert 0 <= seen.others_share <= 1
    assert 0 <= seen.steal_share <= 1


def test_a_machine_without_load_or_clock_leaves_them_unknown(machine, monkeypatch):
    def fails():
        raise NotImplementedError

    monkeypatch.setattr(psutil, "cpu_freq", fails)
    monkeypatch.delattr(os, "getloadavg")
    seen = Watch([ME]).end()
    assert (seen.load_1m, seen.clock_hz) == (None, None)


def test_gpus_are_looked_at_before_and_after_and_only_where_there_are_any(machine, monkeypatch):
    clocks = iter([Gpu(0.9), Gpu(0.6, 300.0, 70.0)])
    monkeypatch.setattr(nvidia_now, "read", lambda: [next(clocks)])
    monkeypatch.setattr(nvidia_now, "neighbours", lambda processes: 3)
    watch = Watch([ME])
    machine.pass_(1)
    seen = watch.end()
    assert (seen.accelerator_clock_share, seen.accelerator_power_w) == (0.6, 300.0)
    assert seen.neighbours == 3


def test_work_on_cpus_does_not_ask_for_gpus(machine, monkeypatch):
    def fails(*_):
        raise AssertionError("nvidia-smi was started")

    for name in ("read", "neighbours"):
        monkeypatch.setattr(nvidia_now, name, fails)
    seen = Watch([ME], gpus=False).end()
    assert seen.neighbours is None


def test_on_a_machine_without_gpus_nothing_is_started(monkeypatch):
    monkeypatch.setattr(nvidia, "facts", dict)
    monkeypatch.setattr(subprocess, "Popen", None)
    Watch().end()


def test_a_process_knows_the_time_of_its_threads_and_of_children_that_ended():
    before = health._used_s(os.getpid())
    code = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-S", "-c", code], check=True)
    assert health._used_s(os.getpid()) - before >= 0.19


def test_a_process_that_is_not_there_has_no_time():
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    assert health._used_s(child.pid) is None


def test_work_of_another_process_on_this_machine_is_seen_and_own_work_is_not():
    code = "print('on', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE) as other:
        try:
            other.stdout.readline()
            before, watch = psutil.Process(other.pid).cpu_times().user, Watch()
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                pass
            seen, took = watch.end(), psutil.Process(other.pid).cpu_times().user - before
        finally:
            other.kill()
    capacity = seen.seconds * len(os.sched_getaffinity(0))
    # Whatever else runs here adds to it; rounding to ticks takes a little away.
    assert seen.others_share >= (took - 0.1) / capacity > 0
