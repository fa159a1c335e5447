"""The machine id stays while the hardware does, changes with it, and is safe as a folder's name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.machine.facts import collect
from reelbench.machine.fields import FIELDS
from reelbench.machine.identity import machine_id

HARDWARE = [name for name, field in FIELDS.items() if field.kind == "hardware"]
OTHER = [name for name, field in FIELDS.items() if field.kind != "hardware"]
SAFE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{8}")
EPYC = {
    "architecture": "x86_64",
    "system": "Linux",
    "cpu_model": "AMD EPYC 9654 96-Core Processor",
    "cpu_signature": "AuthenticAMD/25/17/1",
    "cpu_cores": 2,
    "cpu_threads": 4,
    "cpu_features": "avx2 fma",
    "cpu_l2_bytes": 2**20,
    "cpu_l3_bytes": 2**25,
    "memory_bytes": 24 * 2**30,
}
H100 = {
    "accelerator": "NVIDIA H100",
    "accelerator_count": 1,
    "accelerator_memory_bytes": 80 * 2**30,
}
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


def test_this_machine_has_one_id_however_often_it_is_asked():
    assert len({machine_id(collect()) for _ in range(100)}) == 1


@given(st.dictionaries(st.sampled_from(OTHER), VALUES))
def test_limits_software_and_load_do_not_change_the_id(facts):
    assert machine_id(EPYC | facts) == machine_id(EPYC)


def test_a_cpu_quota_or_a_flag_does_not_change_the_id_of_this_machine(monkeypatch):
    before = machine_id(collect())
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0}, raising=False)
    monkeypatch.setattr("platform.release", lambda: "99.1")
    assert machine_id(collect()) == before


@pytest.mark.parametrize("name", HARDWARE)
def test_any_other_hardware_changes_the_id(name):
    machine = EPYC | H100
    changed = f"{machine[name]}x" if isinstance(machine[name], str) else machine[name] + 1
    without = {key: value for key, value in machine.items() if key != name}
    assert len({machine_id(f) for f in (machine, machine | {name: changed}, without)}) == 3


def test_the_order_of_the_facts_does_not_change_the_id():
    assert machine_id(dict(reversed(EPYC.items()))) == machine_id(EPYC)


def test_an_id_never_changes_from_one_version_to_the_next():
    # Results are kept in folders by this name: a change of it orphans every earlier result.
    assert machine_id(EPYC) == "epyc-9654-4c-24g-b40b8e0c"


@pytest.mark.parametrize(
    ("facts", "readable"),
    [
        (EPYC | {"cpu_model": "Intel(R) Xeon(R) CPU @ 2.20GHz"}, "xeon-4c-24g"),
        (EPYC | {"cpu_model": "Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz"}, "i7-9750h-4c-24g"),
        (EPYC | {"cpu_model": "Apple M3 Max"}, "apple-m3-max-4c-24g"),
        (EPYC | H100, "1x-h100-epyc-9654-4c-24g"),
        ({}, "machine-c"),
    ],
)
def test_an_id_tells_the_machine_to_a_reader(facts, readable):
    assert machine_id(facts).rpartition("-")[0] == readable


@pytest.mark.parametrize(
    "name", ["../../etc", "/", "", ".", "\0", "a\nb", "x" * 500, "@", "Ünïcode ™", "CON", "-rf *"]
)
def test_a_hostile_name_makes_a_safe_folder(tmp_path, name):
    made = machine_id(EPYC | {"cpu_model": name, "accelerator": name})
    assert SAFE.fullmatch(made)
    (tmp_path / made).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == [made]


@given(st.dictionaries(st.sampled_from(list(FIELDS)), VALUES))
def test_any_facts_make_a_safe_folder(facts):
    made = machine_id(facts)
    assert SAFE.fullmatch(made)
    assert len(made) <= 80
