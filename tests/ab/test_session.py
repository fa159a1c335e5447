"""Real processes, few and with small cases."""

import sys
from dataclasses import replace

import pytest

from reelbench.ab import pair
from reelbench.ab.errors import PairError
from reelbench.ab.pair import plan
from reelbench.ab.session import Asked, compare, ratio_of
from reelbench.ab.sides import read_side
from reelbench.machine.disturbances import Disturbance
from reelbench.report.pairs import paired_tables
from reelbench.wire import ProbeCase

HERE = read_side("here")
TWO = Asked(
    HERE,
    HERE,
    cases=((ProbeCase("feedforward", 10), ProbeCase("feedforward", 20)),),
    pairs=2,
    seconds=0.3,
)


def test_twice_the_work_in_the_same_program():
    run = compare(TWO)
    (case,) = run.cases
    assert (case.failure, case.same_program, len(case.pairs)) == (None, True, 2)
    assert {each.started for each in case.pairs} == {"a", "b"}
    assert {block.first for each in case.pairs for block in each.blocks} == {"a", "b"}
    # Not a claim about speed: of two programs that differ twofold, the larger takes longer.
    assert all(ratio_of(each) > 0.2 for each in case.pairs)
    assert case.verdict == "undecided"  # two pairs never decide
    assert run.a.facts["backend"] == run.b.facts["backend"]


def test_a_disturbed_reading_is_taken_again_once_and_marked_if_it_stays_so(monkeypatch):
    seen = [[Disturbance("others' CPU", "40 %")]] * 3 + [[]]

    def disturbances(health):
        assert health.seconds > 0
        return seen.pop(0)

    monkeypatch.setattr(pair, "disturbances", disturbances)
    run = compare(TWO)
    (case,) = run.cases
    assert [each.retries for each in case.pairs] == [1, 1]
    assert [each.disturbed for each in case.pairs] == [["others' CPU: 40 %"], []]
    assert all(each.health for each in case.pairs)
    (note,) = [note for note in paired_tables(run)[0].notes if "again" in note]
    assert "2 of 2 readings, of which 1 stayed disturbed (others' CPU)" in note


def test_a_case_that_fails_on_one_side_is_told_and_the_others_go_on(monkeypatch):
    unknown = ProbeCase("nothing", 1)
    run = compare(replace(TWO, cases=((unknown, unknown), *TWO.cases), pairs=1))
    bad, good = run.cases
    assert bad.failure
    assert "KeyError" in bad.failure
    assert len(good.pairs) == 1


@pytest.mark.parametrize("words", ["XLA_FLAGS=--no_such_flag=1", "PYTHONHOME=/nothing"])
def test_a_side_that_does_not_start_is_one_line(words):
    with pytest.raises(PairError, match="side B") as caught:
        compare(replace(TWO, b=read_side(words)))
    assert "\n" not in str(caught.value)


def test_another_interpreter_runs_this_very_package(tmp_path):
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    run = compare(replace(TWO, b=read_side(f"python={tmp_path}/python"), pairs=1))
    assert len(run.cases[0].pairs) == 1


def test_tests_of_a_user_are_timed_as_pytest_finds_them(tmp_path, monkeypatch):
    # A settings file of its own makes pytest name the tests from that folder on.
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "inner" / "test_mine.py").write_text(
        "import jax\n"
        "x = jax.random.normal(jax.random.key(0), (64, 64))\n"
        "def test_mine(measure):\n    print('noise')\n    measure(lambda x: x @ x, x)\n"
        "def test_wrong(measure):\n    measure(lambda x: x.nothing, x)\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ("inner/test_mine.py", "-q", "--reel-pass=forward")
    run = compare(replace(TWO, cases=(), tests=(words, words), pairs=2))
    case, wrong = run.cases
    assert case.a_name == "test_mine.py::test_mine[forward]"
    assert len(case.pairs) == 2
    assert "nothing" in (wrong.failure or "")


@pytest.mark.parametrize("call_s", [1e-6, 1e-4, 0.013, 0.35, 20.0])
def test_time_is_shared_out(call_s):
    slot, blocks = plan(call_s, 3.0)
    slot_s = call_s * (slot.rounds * slot.iterations + slot.discarded)
    assert 3 <= blocks <= 16
    assert slot_s * 4 * blocks <= max(1.5 * 3.0, 12 * call_s)
    assert slot.iterations * call_s >= 1e-4 or slot.iterations > 1
