import json

import pytest

from reelbench.cli import main
from reelbench.cli.doctor import advice
from reelbench.machine.facts import collect
from reelbench.machine.identity import machine_id

QUIET = {
    "jax": "0.10.2",
    "cpus_usable": 8,
    "load_1m": 0.1,
    "memory_available_bytes": 2**34,
    "cpu_governor": "performance",
    "xla_flags": "",
    "environment": "",
}


def test_a_quiet_machine_needs_no_advice():
    assert list(advice(QUIET)) == []


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        ({"jax": None}, "JAX is not installed"),
        ({"accelerator": "H100", "backend": "cpu"}, "JAX does not use the H100"),
        ({"load_1m": 2.0}, "Other work is running"),
        ({"cgroup_cpus": 2.0}, "may use 2 CPUs but sees 8"),
        ({"memory_available_bytes": 2**29}, "Only 512 MiB of memory is free"),
        ({"cpu_governor": "powersave"}, "governor is powersave"),
        ({"xla_flags": "--xla_cpu_x=1"}, "XLA_FLAGS changes"),
    ],
)
def test_each_disturbance_has_its_advice(facts, part):
    changed = {name: value for name, value in (QUIET | facts).items() if value is not None}
    (found,) = advice(changed)
    assert part in found


def test_what_matters_most_comes_first():
    found = list(advice({"load_1m": 9.0, "cpus_usable": 2, "xla_flags": "--x"}))
    assert [text.split()[0] for text in found] == ["JAX", "Other", "XLA_FLAGS"]


def test_unknown_facts_give_no_advice_of_their_own():
    assert list(advice({"jax": "1"})) == []


def test_the_machine_is_shown_with_its_id_and_facts(capsys):
    assert main(["doctor", "--format", "json"]) == 0
    facts, found = json.loads(capsys.readouterr().out)["tables"]
    assert machine_id(collect()) in facts["title"]
    assert {"cpu_model", "memory_bytes", "python"} <= {row["name"] for row in facts["rows"]}
    assert found["rows"]


def test_the_machine_fits_in_a_hundred_characters(capsys):
    assert main(["doctor"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_the_load_of_a_last_command_is_not_called_other_work():
    assert list(advice(QUIET | {"cpus_usable": 2, "load_1m": 0.4})) == []


def test_what_jax_computes_on_is_told_and_a_jax_that_does_not_start_is_the_first_advice(
    capsys, monkeypatch
):
    from reelbench.machine import backend

    assert main(["doctor", "--format", "json"]) == 0
    facts, _ = json.loads(capsys.readouterr().out)["tables"]
    assert "backend" in {row["name"] for row in facts["rows"]}

    def broken(_):
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setattr(backend, "facts", broken)
    assert main(["doctor", "--format", "json"]) == 0
    _, found = json.loads(capsys.readouterr().out)["tables"]
    assert found["rows"][0]["advice"].startswith("JAX does not start (RuntimeError: Unable to init")
