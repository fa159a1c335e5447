"""What keeps CPUs awake gives way, ends with the process that asked, and is not other work."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from reelbench.machine import awake, cgroup, facts, health, processors, settings
from reelbench.machine.awake import AwakeError, kept_awake
from reelbench.machine.settings import Settings

needs_linux = pytest.mark.skipif(not awake.can_be_kept_awake(), reason="CPUs cannot be kept awake")


@needs_linux
def test_each_cpu_has_a_process_that_gives_way_to_all_others_until_the_block_ends():
    with kept_awake():
        made = awake.processes()
        wait_until(lambda: all(os.sched_getscheduler(pid) == os.SCHED_IDLE for pid in made))
        assert {frozenset(os.sched_getaffinity(pid)) for pid in made} == {
            frozenset([cpu]) for cpu in os.sched_getaffinity(0)
        }
        assert facts.collect()["cpus_kept_awake"] == len(made)
    assert awake.processes() == ()
    assert not any(map(runs, made))
    assert "cpus_kept_awake" not in facts.collect()


@needs_linux
def test_a_block_in_a_block_or_in_a_process_started_there_starts_no_more():
    with kept_awake():
        made = awake.processes()
        with kept_awake():
            assert awake.processes() == made
        assert awake.processes() == made  # the inner block ended nothing
        code = (
            "from reelbench.machine import awake\nwith awake.kept_awake(): print(awake.processes())"
        )
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert told.stdout.decode().strip() == str(made)
        assert awake.processes() == made


@needs_linux
def test_a_process_of_another_session_is_refused_as_linux_would_halve_its_cpus():
    code = "from reelbench.machine import awake\nwith awake.kept_awake(): pass"
    with kept_awake():
        told = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=False, start_new_session=True
        )
    assert told.returncode == 1
    assert b"in another session" in told.stderr.splitlines()[-1]


@needs_linux
def test_they_end_when_the_process_that_asked_is_killed():
    code = (
        "import time\n"
        "from reelbench.machine import awake\n"
        "with awake.kept_awake():\n"
        "    print(*awake.processes(), flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as asking:
        made = [int(pid) for pid in asking.stdout.readline().split()]
        assert made
        assert all(map(runs, made))
        asking.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(map(runs, made)))


@needs_linux
def test_they_end_when_the_block_fails():
    made = []
    with contextlib.suppress(ValueError), kept_awake():
        made += awake.processes()
        int("no number")
    assert made
    assert not any(map(runs, made))


def test_what_keeps_cpus_awake_is_not_other_work(monkeypatch):
    with subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) as counting:
        try:
            used = [psutil.Process(pid) for pid in (os.getpid(), counting.pid)]

            def busy():
                times = [process.cpu_times() for process in used]
                taken = sum(each.user + each.system for each in times)
                return processors.Processors(count=1, busy_s=taken, steal_s=None)

            monkeypatch.setattr(health.processors, "read", busy)
            assert share_of_others() > 0.1
            monkeypatch.setenv("REELBENCH_AWAKE", str(counting.pid))
            assert share_of_others() < 0.05
        finally:
            counting.kill()


def share_of_others():
    watch = health.Watch(gpus=False)
    time.sleep(0.5)
    return watch.end().others_share


@pytest.mark.parametrize("variable", ["", "0.5", "x,y", "-1", "999999999"])
def test_a_variable_that_names_no_process_of_this_machine_is_none(monkeypatch, variable):
    monkeypatch.setenv("REELBENCH_AWAKE", variable)
    assert awake.processes() == ()


def test_a_quota_that_would_be_used_up_is_named(monkeypatch):
    monkeypatch.setattr(settings, "read", lambda: Settings(cpus=(0, 1), one_a_core=(0, 1)))
    monkeypatch.setattr(cgroup, "limits", lambda: {"cgroup_cpus": 1.5})
    with pytest.raises(AwakeError, match=r"quota of 1\.5 CPUs"), kept_awake():
        pass
    assert not awake.can_be_kept_awake()
    monkeypatch.setattr(cgroup, "limits", lambda: {"cgroup_cpus": 2.0})
    monkeypatch.setattr(os, "SCHED_IDLE", 5, raising=False)
    assert awake.can_be_kept_awake()


def test_threads_of_one_core_are_refused_with_what_to_type(monkeypatch):
    seen = Settings(cpus=(0, 1, 2, 3), one_a_core=(0, 2))
    monkeypatch.setattr(settings, "read", lambda: seen)
    monkeypatch.setattr(os, "SCHED_IDLE", 5, raising=False)
    with pytest.raises(AwakeError, match="taskset -c 0,2"), kept_awake():
        pass


def test_a_system_without_the_scheduling_class_is_refused(monkeypatch):
    monkeypatch.delattr(os, "SCHED_IDLE", raising=False)
    with pytest.raises(AwakeError, match="Linux only"), kept_awake():
        pass


def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(holds, seconds=60.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
