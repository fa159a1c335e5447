"""Settings are read from files that stand in for the kernel's; what is not there is unknown."""

import warnings
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.machine import cgroup, settings
from reelbench.machine.settings import numbers, read, written

CPU = "devices/system/cpu"


@pytest.fixture
def sys(tmp_path):
    """Write files of /sys from ``{path: text}``; return its place."""

    def put(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")
        return tmp_path

    return put


def siblings(*lists):
    """The file of each CPU from the groups that share a core."""
    return {
        f"{CPU}/cpu{cpu}/topology/thread_siblings_list": text
        for text in lists
        for cpu in numbers(text)
    }


@pytest.mark.parametrize(
    ("lists", "usable", "chosen"),
    [
        (["0-1", "2-3"], {0, 1, 2, 3}, (0, 2)),
        (["0,4", "1,5", "2,6", "3,7"], set(range(8)), (0, 1, 2, 3)),
        (["0,4", "1,5"], {4, 5}, (4, 5)),
        (["0,4", "1,5"], {1, 4, 5}, (1, 4)),
        (["0", "1"], {0, 1}, (0, 1)),
        ([], {0, 1}, (0, 1)),  # not told
    ],
)
def test_one_thread_of_each_core_is_chosen_among_the_usable_ones(sys, lists, usable, chosen):
    found = read(sys(siblings(*lists)), usable)
    assert found.cpus == tuple(sorted(usable))
    assert found.one_a_core == chosen


def test_only_nodes_with_usable_cpus_count(sys):
    node = "devices/system/node"
    files = {
        f"{node}/node0/cpulist": "0-3",
        f"{node}/node1/cpulist": "4-7",
        f"{node}/node2/cpulist": "",  # memory alone
        f"{node}/online": "0-2",
    }
    assert read(sys(files), {0, 5}).nodes == (0, 1)
    assert read(sys(files), {4, 5}).nodes == (1,)


@pytest.mark.parametrize(
    ("files", "boost"),
    [
        ({"intel_pstate/no_turbo": "0"}, "intel_pstate/no_turbo"),
        ({"intel_pstate/no_turbo": "1"}, None),
        ({"cpufreq/boost": "1"}, "cpufreq/boost"),
        ({"cpufreq/boost": "0"}, None),
        ({}, None),
    ],
)
def test_boost_is_told_by_the_switch_that_is_there(sys, files, boost):
    found = read(sys({f"{CPU}/{name}": text for name, text in files.items()}), {0})
    assert found.boost == boost


@pytest.mark.parametrize(
    ("text", "word"),
    [("always [madvise] never", "madvise"), ("[always] madvise never", "always"), ("", None)],
)
def test_huge_pages_are_the_word_that_is_chosen(sys, text, word):
    files = {"kernel/mm/transparent_hugepage/enabled": text}
    assert read(sys(files), {0}).huge_pages == word


def test_a_system_without_such_files_leaves_everything_unknown(tmp_path):
    found = read(tmp_path / "none", ())
    assert (found.cpus, found.one_a_core, found.nodes) == ((), (), ())
    assert (found.boost, found.huge_pages) == (None, None)


@pytest.mark.parametrize(
    ("battery", "share"),
    [
        (None, None),
        (SimpleNamespace(percent=41, power_plugged=False), 0.41),
        (SimpleNamespace(percent=41, power_plugged=True), None),
        (SimpleNamespace(percent=41, power_plugged=None), None),
    ],
)
def test_a_battery_counts_only_where_the_machine_runs_from_it(
    monkeypatch, tmp_path, battery, share
):
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert read(tmp_path, ()).battery_share == share


def test_what_psutil_cannot_tell_is_unknown(monkeypatch, tmp_path):
    def fails():
        raise OSError

    monkeypatch.setattr(psutil, "sensors_battery", fails, raising=False)
    monkeypatch.setattr(psutil, "swap_memory", fails)
    found = read(tmp_path, ())
    assert (found.battery_share, found.swap_used_bytes) == (None, None)


def test_a_system_without_batteries_in_psutil_has_none(monkeypatch, tmp_path):
    monkeypatch.delattr(psutil, "sensors_battery", raising=False)
    assert read(tmp_path, ()).battery_share is None


def test_a_warning_of_psutil_about_swap_is_not_the_users(monkeypatch, tmp_path):
    def warns():
        warnings.warn("'sin' and 'sout' could not be determined", RuntimeWarning, stacklevel=1)
        return SimpleNamespace(used=7)

    monkeypatch.setattr(psutil, "swap_memory", warns)
    assert read(tmp_path, ()).swap_used_bytes == 7


def test_what_the_control_group_leaves_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(cgroup, "memory_left", lambda: 12345)
    assert read(tmp_path, ()).memory_left_bytes == 12345


@given(st.sets(st.integers(0, 300)))
def test_numbers_are_read_as_they_are_written(cpus):
    assert numbers(written(cpus)) == cpus


@pytest.mark.parametrize("text", ["", "x", "1-", "0-3,", "-1", "0 1"])
def test_what_is_no_list_holds_no_numbers(text):
    assert numbers(text) == set()


def test_this_machine_can_be_asked():
    assert settings.read().cpus
