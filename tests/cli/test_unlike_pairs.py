"""Two runs that differ in one thing: whatever it is, the comparison names it."""

import pytest

from reelbench.cli import main
from results import documents as make

OTHER_PROGRAM = {"compilation": make.compilation(program_sha256="cd" * 32)}

# What differs, in the case or in the machine's facts, and the words that must be said of it.
CASES = {
    "dtype": ({"dtype": "bfloat16"}, {}, ["dtype", "float32", "bfloat16"]),
    "precision": ({"precision": "highest"}, {}, ["precision", "highest"]),
    "batch": ({"batch": 8}, {}, ["batch", "8"]),
    "implementation": ({"implementation": "patches"}, {}, ["implementation", "patches"]),
    "mesh": ({"mesh": "device=8"}, {}, ["mesh", "device=8"]),
    "benchmark version": ({"version": "v-9"}, {}, ["version", "v-9"]),
    "edited layer code": (OTHER_PROGRAM, {}, ["program", "the code that was measured has changed"]),
    "jaxlib": (OTHER_PROGRAM, {"jaxlib": "0.11.0"}, ["jaxlib", "0.11.0", "where jaxlib differs"]),
    "XLA_FLAGS": ({}, {"xla_flags": "--xla_x=1"}, ["XLA_FLAGS", "--xla_x=1"]),
    "driver": ({}, {"accelerator_driver": "580.1"}, ["accelerator driver", "580.1"]),
    "power cap": ({}, {"accelerator_power_cap_w": 350.0}, ["accelerator power cap", "350 W"]),
    "threads": ({}, {"cpus_usable": 1}, ["CPUs usable"]),
    "cgroup quota": ({}, {"cgroup_cpus": 1.5}, ["CPUs by cgroup quota", "1.5"]),
    "other settings": ({}, {"environment": "OMP_NUM_THREADS=1"}, ["OMP_NUM_THREADS=1"]),
    "matmul precision": ({}, {"matmul_precision": "highest"}, ["matmul precision", "highest"]),
}

SET_APART = {"dtype", "precision", "batch", "implementation", "mesh", "benchmark version",
             "edited layer code"}  # fmt: skip
OTHER_LIMITS = {"power cap", "threads", "cgroup quota"}


def compare(tmp_path, case, facts):
    base = make.document(make.record())
    new = make.document(make.record(**case), on=make.machine(**facts), block=make.run(run_id="b"))
    paths = make.write(tmp_path, base, "A.json"), make.write(tmp_path, new, "B.json")
    assert main(["compare", *map(str, paths)]) == 0


@pytest.mark.parametrize("name", CASES)
def test_what_differs_is_named(name, tmp_path, capsys):
    case, facts, words = CASES[name]
    compare(tmp_path, case, facts)
    text = " ".join(capsys.readouterr().out.split())
    for word in words:
        assert word in text
    assert ("1 set apart as unlike" in text) == (name in SET_APART)
    assert ("Same hardware, other limits on it" in text) == (name in OTHER_LIMITS)


@pytest.mark.parametrize("protocol", [2, 7])
def test_another_protocol_is_named(protocol, tmp_path, capsys):
    paths = [
        make.write(tmp_path, make.document(block=make.run(protocol=each)), f"{each}.json")
        for each in (1, protocol)
    ]
    assert main(["compare", *map(str, paths)]) == 0
    assert "protocol" in capsys.readouterr().out


def test_another_clock_is_named(tmp_path, capsys):
    other = make.document(make.record())
    other["benchmarks"][0]["options"] = {"timer": "process_time"}
    paths = [
        make.write(tmp_path, whole, f"{n}.json")
        for n, whole in enumerate((make.document(make.record()), other))
    ]
    assert main(["compare", *map(str, paths)]) == 0
    text = capsys.readouterr().out
    assert "clock" in text
    assert "process_time" in text
