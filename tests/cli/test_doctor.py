import contextlib
import json
import subprocess
import sys

import pytest

from reelbench.cli import doctor, main
from reelbench.machine import awake, backend, pauses, settings
from reelbench.machine.facts import collect
from reelbench.machine.health import Watch
from reelbench.machine.identity import machine_id
from reelbench.machine.settings import Settings
from reelbench.results import noise
from reelbench.results.noise import SelfTest
from reelbench.results.pairs import ComparedSide, PairedRun
from reelbench.results.schema import Health


@pytest.fixture
def quiet(monkeypatch, tmp_path):
    """A machine of which nothing bad is known, and an empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "_WATCHED_S", 0.0)
    monkeypatch.setattr(Watch, "end", lambda self: Health(seconds=1.0, others_share=0.0))
    monkeypatch.setattr(settings, "read", Settings)
    known = {"jax": "0.10.2", "cpu_model": "X", "cpus_usable": 2, "load_1m": 0.0}
    monkeypatch.setattr(doctor, "collect", lambda: dict(known))
    monkeypatch.setattr(pauses, "slowed_by_pauses", lambda: 1.0)
    return known


def test_what_pauses_cost_is_measured_again_with_the_cpus_kept_awake(capsys, quiet, monkeypatch):
    monkeypatch.setattr(settings, "read", lambda: Settings(cpus=(0,), one_a_core=(0,)))
    monkeypatch.setattr(awake, "kept_awake", contextlib.nullcontext)
    monkeypatch.setattr(awake, "can_be_kept_awake", lambda: True)
    monkeypatch.setattr(pauses, "slowed_by_pauses", iter([1.8, 1.1]).__next__)
    _, found = told(capsys)
    (row,) = [row for row in found["rows"] if "pause" in row["what"]]
    assert "1.80 times as long, 1.10 with" in row["what"]
    assert "--reel-awake" in row["do"]


def store_selftest(folder, machine, text=b""):
    side = ComparedSide(words="here", facts={})
    paired = PairedRun(
        version="0",
        created_utc="2026-01-02T00:00:00+00:00",
        machine_id=machine,
        facts={},
        a=side,
        b=side,
        threshold=0.01,
        largest_pairs=12,
        seconds=60.0,
        cases=[],
    )
    found = SelfTest(
        empty_call_s=1e-5,
        overhead_s=2e-7,
        process_spread=0.02,
        pair_spread=0.01,
        smallest_visible=0.0253,
        coverage=[],
        paired=paired,
    )
    home = folder / machine / noise.FOLDER
    home.mkdir(parents=True)
    (home / "20260102T000000Z.json").write_bytes(text or noise.encode(found))


def told(capsys, *words):
    assert main(["doctor", "--format", "json", *words]) == 0
    return json.loads(capsys.readouterr().out)["tables"]


def test_the_machine_is_shown_with_its_id_and_facts(capsys):
    facts, found = told(capsys)
    assert machine_id(collect()) in facts["title"]
    rows = {row["name"] for row in facts["rows"]}
    assert {"cpu_model", "memory_bytes", "python", "backend"} <= rows
    assert all(set(row) == {"severity", "what", "why", "do", "line"} for row in found["rows"])


def test_everything_fits_in_a_hundred_characters(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false " * 4)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert any("XLA_FLAGS is set" in line for line in lines)


def test_a_quiet_machine_with_a_self_test_is_one_line_with_what_it_can_see(capsys, quiet, tmp_path):
    store_selftest(tmp_path / "results", machine_id(quiet))
    assert main(["doctor"]) == 0
    last, _, above = capsys.readouterr().out.splitlines()[-1:-4:-1]
    assert last == (
        "Nothing known disturbs measuring. This machine sees slowdowns from 2.6 % "
        "(self-test of 2026-01-02)."
    )
    assert above.startswith("load average")


def test_without_a_self_test_of_this_machine_one_is_advised(capsys, quiet, tmp_path):
    store_selftest(tmp_path / "results", "another-machine")
    (only,) = told(capsys)[1]["rows"]
    assert only["do"].startswith("reelbench selftest")


def test_self_tests_are_read_where_they_were_stored(capsys, quiet, tmp_path):
    store_selftest(tmp_path / "elsewhere", machine_id(quiet))
    assert told(capsys, "--results", "elsewhere")[1]["rows"] == []


def test_a_self_test_that_cannot_be_read_does_not_keep_the_rest_from_being_told(
    capsys, quiet, tmp_path
):
    store_selftest(tmp_path / "results", machine_id(quiet), b"{")
    (only,) = told(capsys)[1]["rows"]
    assert only["what"].startswith("the newest self-test cannot be read")


def test_a_jax_that_does_not_start_is_the_first_advice(capsys, quiet, monkeypatch):
    def broken(_):
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setattr(backend, "facts", broken)
    quiet["xla_flags"] = "--x"
    first, *others = told(capsys)[1]["rows"]
    assert first["what"].startswith("JAX does not start (RuntimeError: Unable to initialize")
    assert [each["severity"] for each in others] == ["changes", "note"]


def test_work_of_another_process_is_seen_with_how_many_there_are(capsys, monkeypatch):
    code = "print('on', flush=True)\nwhile True: pass"
    monkeypatch.setattr(doctor, "_WATCHED_S", 0.5)
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE) as other:
        try:
            other.stdout.readline()
            rows = told(capsys)[1]["rows"]
        finally:
            other.kill()
    (work,) = [row for row in rows if row["what"].startswith("other work takes")]
    assert "process" in work["what"]
    assert work["severity"] == "disturbs"
