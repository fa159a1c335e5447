"""Every fact collected is described, so that it is shown, compared and hashed as it must."""

import pytest

from reelbench.machine import backend, nvidia
from reelbench.machine.facts import collect
from reelbench.machine.fields import FIELDS

UNITS = {"_bytes": "bytes", "_hz": "Hz", "_w": "W", "_s": "s"}


def test_every_fact_collected_here_has_a_field():
    facts = collect()
    assert facts
    assert set(facts | backend.facts(facts)) <= set(FIELDS)


def test_every_fact_of_a_limited_machine_with_gpus_has_a_field(monkeypatch):
    monkeypatch.setattr(nvidia, "_ask", lambda: [["NVIDIA H100", "81559", "570", "700", "1980"]])
    limits = {"cgroup_cpus": 1.5, "cgroup_memory_bytes": 2**30}
    monkeypatch.setattr("reelbench.machine.cgroup.limits", lambda: limits)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    facts = collect()
    assert set(nvidia.facts()) | set(limits) | {"visible_devices"} <= set(facts) <= set(FIELDS)


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda field: field.name)
def test_a_unit_in_a_name_is_the_fields_unit(field):
    named = [unit for end, unit in UNITS.items() if field.name.endswith(end)]
    assert [field.unit] == (named or [""])


def test_labels_tell_facts_apart():
    labels = [field.label for field in FIELDS.values()]
    assert len(set(labels)) == len(labels)


def test_what_changes_by_the_minute_is_volatile(monkeypatch):
    before = collect()
    monkeypatch.setattr("os.getloadavg", lambda: (77.0, 0.0, 0.0))
    monkeypatch.setattr("psutil.cpu_freq", lambda: type("Clock", (), {"current": 123.0}))
    after = collect()
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert {"load_1m", "cpu_clock_hz"} <= changed
    assert {FIELDS[name].kind for name in changed} == {"volatile"}
    assert after["cpu_clock_hz"] == 123e6
