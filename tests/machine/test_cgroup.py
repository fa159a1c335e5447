"""The tightest limit of the control groups above a process is found, in either layout."""

import pytest

from reelbench.machine import cgroup

UNLIMITED_V1 = 2**63 - 4096


@pytest.fixture
def tree(tmp_path):
    """Write files of a cgroup tree from ``{path: text}`` and a membership; return both places."""

    def build(files, membership="0::/\n"):
        root = tmp_path / "cgroup"
        root.mkdir()
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(f"{text}\n")
        file = tmp_path / "membership"
        file.write_text(membership)
        return root, file

    return build


def test_a_container_sees_its_limits_at_the_root(tree):
    where = tree({"cpu.max": "150000 100000", "memory.max": 2**30, "memory.current": 2**29})
    assert cgroup.limits(*where) == {"cgroup_cpus": 1.5, "cgroup_memory_bytes": 2**30}
    assert cgroup.memory_left(*where) == 2**29


def test_the_tightest_of_nested_limits_holds(tree):
    files = {
        "a/cpu.max": "400000 100000",
        "a/memory.max": 2**30,
        "a/memory.current": 2**30 - 5,
        "a/b/cpu.max": "200000 100000",
        "a/b/memory.max": 2**33,
        "a/b/memory.current": 7,
        "a/b/c/cpu.max": "max 100000",
        "a/b/c/memory.max": "max",
        "a/b/c/memory.current": 3,
    }
    where = tree(files, "0::/a/b/c\n")
    assert cgroup.limits(*where) == {"cgroup_cpus": 2.0, "cgroup_memory_bytes": 2**30}
    assert cgroup.memory_left(*where) == 5


def test_limits_of_other_groups_do_not_hold(tree):
    where = tree({"other/cpu.max": "1000 100000", "other/memory.max": 1}, "0::/mine\n")
    assert cgroup.limits(*where) == {}


def test_version_1_limits_are_read_from_each_controller(tree):
    files = {
        "cpu,cpuacct/job/cpu.cfs_quota_us": 300_000,
        "cpu,cpuacct/job/cpu.cfs_period_us": 100_000,
        "memory/job/memory.limit_in_bytes": 2**31,
        "memory/job/memory.usage_in_bytes": 2**30,
        "memory/memory.limit_in_bytes": UNLIMITED_V1,
        "memory/memory.usage_in_bytes": 2**34,
    }
    where = tree(files, "5:memory:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/x:y\n0::/\n")
    assert cgroup.limits(*where) == {"cgroup_cpus": 3.0, "cgroup_memory_bytes": 2**31}
    assert cgroup.memory_left(*where) == 2**30


def test_version_1_in_a_container_sees_its_limits_at_the_controllers_root(tree):
    files = {
        "cpu/cpu.cfs_quota_us": 50_000,
        "cpu/cpu.cfs_period_us": 100_000,
        "memory/memory.limit_in_bytes": 2**31,
    }
    where = tree(files, "5:memory:/docker/0123\n3:cpu:/docker/0123\n")
    assert cgroup.limits(*where) == {"cgroup_cpus": 0.5, "cgroup_memory_bytes": 2**31}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu.max": "max 100000", "memory.max": "max", "memory.current": 5},
        {"cpu/cpu.cfs_quota_us": -1, "cpu/cpu.cfs_period_us": 100_000},
        {"memory/memory.limit_in_bytes": UNLIMITED_V1, "memory/memory.usage_in_bytes": 5},
        {"cpu.max": "", "memory.max": "", "memory.current": ""},
        {"cpu.max": "what is this", "memory.max": "what"},
    ],
)
def test_no_limit_is_no_fact(tree, files):
    where = tree(files)
    assert cgroup.limits(*where) == {}
    assert cgroup.memory_left(*where) is None


def test_a_group_over_its_limit_leaves_nothing_rather_than_less(tree):
    where = tree({"memory.max": 100, "memory.current": 130})
    assert cgroup.memory_left(*where) == 0


def test_a_group_that_uses_nothing_yet_has_all_of_its_limit_left(tree):
    where = tree({"a/memory.max": 100, "a/memory.current": 0}, "0::/a\n")
    assert cgroup.memory_left(*where) == 100


def test_a_limit_whose_use_is_not_told_leaves_the_question_open(tree):
    assert cgroup.memory_left(*tree({"memory.max": 100})) is None


def test_a_system_without_control_groups_has_no_limits(tmp_path):
    where = tmp_path / "none", tmp_path / "nothing"
    assert cgroup.limits(*where) == {}
    assert cgroup.memory_left(*where) is None


def test_a_membership_never_leads_out_of_the_tree(tree, tmp_path):
    (tmp_path / "memory.max").write_text("1\n")
    assert cgroup.limits(*tree({}, "0::/../../x/..\n")) == {}


def test_this_process_can_be_asked():
    assert set(cgroup.limits()) <= {"cgroup_cpus", "cgroup_memory_bytes"}


def test_throttled_time_is_what_each_group_above_was_stopped_for_by_its_own_quota(tree):
    files = {
        "a/cpu.stat": "usage_usec 5\nnr_throttled 3\nthrottled_usec 1500000",
        "a/b/cpu.stat": "usage_usec 5\nnr_throttled 1\nthrottled_usec 250000",
        "other/cpu.stat": "throttled_usec 999000000",
        "cpu.stat": "usage_usec 5",
    }
    assert cgroup.throttled_s(*tree(files, "0::/a/b\n")) == 1.75


def test_version_1_tells_throttled_time_in_nanoseconds(tree):
    files = {"cpu/job/cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 2500000000"}
    assert cgroup.throttled_s(*tree(files, "3:cpu:/job\n")) == 2.5


def test_a_group_that_was_never_stopped_differs_from_one_that_does_not_tell(tree):
    assert cgroup.throttled_s(*tree({"a/cpu.stat": "throttled_usec 0"}, "0::/a\n")) == 0


@pytest.mark.parametrize("text", ["", "usage_usec 5", "throttled_usec many", "throttled_usec"])
def test_throttled_time_that_is_not_told_is_unknown(tree, text):
    assert cgroup.throttled_s(*tree({"cpu.stat": text})) is None
