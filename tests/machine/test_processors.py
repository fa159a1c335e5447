"""CPU time is that of the processors this process may use, however they are numbered."""

import os

import pytest

from reelbench.machine import processors

TICK_S = 1 / os.sysconf("SC_CLK_TCK")

#       user nice system idle iowait irq softirq steal guest guest_nice
BUSY = "100  20   30     999  888    4   5       7     50    60"
IDLE = "0    0    0      999  888    0   0       1     0     0"


@pytest.fixture
def stat(tmp_path):
    """Write the kernel's counters from lines by processor; return the place."""

    def put(lines):
        rows = [f"{name} {times}" for name, times in lines.items()]
        file = tmp_path / "stat"
        file.write_text("\n".join(["cpu  9 9 9 9 9 9 9 9 9 9", *rows, "intr 5 0 0", "btime 1\n"]))
        return file

    return put


def test_busy_is_neither_idle_nor_waiting_nor_counted_twice_for_guests(stat):
    seen = processors.read({0}, stat({"cpu0": BUSY}))
    assert seen.count == 1
    assert seen.busy_s == pytest.approx(159 * TICK_S)
    assert seen.steal_s == pytest.approx(7 * TICK_S)


def test_processors_that_this_process_may_not_use_do_not_count(stat):
    seen = processors.read({1, 3}, stat({"cpu0": BUSY, "cpu1": IDLE, "cpu2": BUSY, "cpu3": IDLE}))
    assert (seen.count, seen.busy_s) == (2, 0)
    assert seen.steal_s == pytest.approx(2 * TICK_S)


def test_siblings_that_are_off_do_not_shift_the_others(stat):
    lines = {"cpu0": IDLE, "cpu2": IDLE, "cpu4": BUSY, "cpu6": IDLE}
    assert processors.read({0, 2, 6}, stat(lines)).busy_s == 0
    assert processors.read({4}, stat(lines)).busy_s == pytest.approx(159 * TICK_S)


def test_a_container_that_numbers_its_processors_anew_counts_them_all(stat):
    assert processors.read({30, 31}, stat({"cpu0": BUSY, "cpu1": IDLE})).count == 2
    assert processors.read({1, 2}, stat({"cpu0": BUSY, "cpu1": IDLE})).count == 2


def test_an_old_kernel_that_tells_no_steal_leaves_it_unknown(stat):
    seen = processors.read({0}, stat({"cpu0": "1 2 3 4 5 6 7"}))
    assert seen.steal_s is None
    assert seen.busy_s == pytest.approx(19 * TICK_S)


@pytest.mark.parametrize("text", ["", "cpu0 1 x 3 4 5 6 7 8\n", "cpu0\n", "cpufreq 1 2 3\n"])
def test_without_counters_that_can_be_read_the_whole_machine_is_told(tmp_path, text):
    (tmp_path / "stat").write_text(text)
    for place in (tmp_path / "stat", tmp_path / "none"):
        seen = processors.read({0}, place)
        assert seen.count >= 1
        assert seen.busy_s > 0


def test_this_machine_counts_as_many_as_this_process_may_use():
    assert processors.read().count == len(os.sched_getaffinity(0))
