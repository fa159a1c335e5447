import math

import msgspec
import numpy as np
import pytest

from reelbench.ab.errors import PairError
from reelbench.cli import main
from reelbench.report.noise import selftest_tables
from reelbench.report.tables import render
from reelbench.results import noise
from reelbench.results.noise import Coverage, SelfTest
from reelbench.results.pairs import Block, Compared, ComparedSide, Pair, PairedRun
from reelbench.selftest import run
from reelbench.selftest.coverage import coverages
from reelbench.selftest.judging import (
    false_alarms,
    is_right,
    pair_spread,
    process_spread,
    rejudged,
)
from reelbench.selftest.planted import PLANTED_TURNS, PROBES, asked


def case(planted, verdict, estimate=0.0, times=(1.0, 1.0)):
    pairs = [
        Pair(
            pair=number,
            started="a",
            rounds=1,
            iterations=1,
            blocks=[Block(first="a", a_s=[t, t], b_s=[t, t], a_median_s=[t, t], b_median_s=[t, t])],
        )
        for number, t in enumerate(times)
    ]
    return Compared(
        a_name="x",
        b_name="x",
        planted=planted,
        verdict=verdict,
        estimate=estimate,
        low=estimate - 0.01,
        high=estimate + 0.01,
        spread=0.01,
        pairs=pairs,
    )


def selftest(*cases):
    side = ComparedSide(words="here", facts={})
    return SelfTest(
        empty_call_s=1e-5,
        overhead_s=2e-7,
        process_spread=0.02,
        pair_spread=0.01,
        smallest_visible=0.016,
        coverage=[
            Coverage(probe="x", rounds=600, stretch=60, stretches=10, covered=9, half_width=0.01)
        ],
        paired=PairedRun(
            version="0",
            created_utc="2026-01-01T00:00:00+00:00",
            machine_id="m",
            facts={},
            a=side,
            b=side,
            threshold=0.01,
            largest_pairs=12,
            seconds=1.0,
            cases=list(cases),
        ),
    )


@pytest.mark.parametrize(
    ("planted", "verdict", "right"),
    [
        (0.0, "unchanged", True),
        (0.0, "undecided", True),
        (0.0, "slower", False),
        (0.0, "faster", False),
        (math.log(1.03), "slower", True),
        (math.log(1.03), "unchanged", False),
        (math.log(1.03), "faster", False),
    ],
)
def test_which_verdicts_are_right(planted, verdict, right):
    judged = case(planted, verdict)
    assert is_right(judged, selftest(judged).paired) is right


@pytest.mark.parametrize(
    ("pairs", "slowdown", "right"),
    [
        (12, 0.03, False),  # pairs that spread by 1 %: twelve show it
        (12, 0.012, None),  # too small for them
        (2, 0.03, None),  # too few of them, as time was up
        (6, 0.08, False),
    ],
)
def test_what_stays_undecided_is_wrong_only_where_the_pairs_measured_could_tell(
    pairs, slowdown, right
):
    judged = case(math.log1p(slowdown), "undecided", times=(1.0,) * pairs)
    assert is_right(judged, selftest(judged).paired) is right


def test_a_stored_self_test_says_what_its_pairs_say_by_the_rules_of_today():
    noisy = msgspec.structs.replace(case(0.0, "unchanged"), a_name="other", spread=0.05)
    stored = selftest(case(0.0, "unchanged"), noisy)
    assert stored.pair_spread == 0.01  # a rule of the past
    assert rejudged(stored).pair_spread == 0.05
    assert rejudged(stored).smallest_visible > 0.05


def test_the_noisiest_probe_says_what_can_be_seen():
    judged = case(math.log(1.03), "undecided", times=(1.0,) * 12)
    noisy = msgspec.structs.replace(case(0.0, "unchanged"), a_name="other", spread=0.05)
    assert is_right(judged, selftest(judged).paired) is False
    assert is_right(judged, selftest(judged, noisy).paired) is None


def test_false_alarms_are_those_of_like_against_like():
    runs = [selftest(case(0.0, "unchanged"), case(0.0, "slower"), case(0.03, "slower")).paired]
    assert false_alarms(runs) == (1, 2)


def test_the_plan_has_each_probe_alike_and_slowed():
    plan = asked(12, 0.01, None)
    assert len(plan.cases) == len(PROBES) * len(PLANTED_TURNS)
    for (a, b), planted in zip(plan.cases, plan.planted, strict=True):
        assert math.log(b.turns / a.turns) == pytest.approx(planted)


def test_coverage_counts_stretches_that_hold_the_long_median():
    rng = np.random.default_rng(3)
    (fair,), _ = coverages({"x": (list(rng.lognormal(0, 0.05, 6000)), 60)})
    assert fair.stretches == 100
    assert fair.covered >= 88
    assert fair.covered_widened is None  # there are no other probes
    (steps,), _ = coverages({"x": ([1.0 + 1e-6 * n for n in range(6000)], 60)})
    assert steps.covered <= 2  # hardly any holds it


def wandering(rng, count=6000, stretch=60):
    """Rounds whose level is another one in every stretch."""
    levels = np.repeat(rng.normal(0, 0.08, count // stretch), stretch)
    return list(np.exp(levels + rng.normal(0, 0.02, count))), stretch


def test_intervals_widened_by_what_other_probes_wander_hold_the_long_median():
    rng = np.random.default_rng(4)
    found, wander = coverages({name: wandering(rng) for name in "xyz"})
    assert 0.1 < wander < 0.25  # two standard deviations of the levels
    for each in found:
        assert each.covered < 0.3 * each.stretches
        assert 0.88 <= each.covered_widened / each.stretches <= 1
        assert each.half_width_widened > each.half_width


def test_spread_of_processes():
    assert process_spread([case(0.0, "unchanged", times=(1.0, 1.0))]) == 0
    spread = process_spread([case(0.0, "unchanged", times=(1.0, 1.1))])
    assert spread == pytest.approx(math.log(1.1) / math.sqrt(2))


def test_what_is_said_to_be_seen_is_seen_in_the_noisiest_probe():
    cases = [
        msgspec.structs.replace(case(0.0, "unchanged"), a_name=name, spread=spread)
        for name, spread in [("a", 0.01), ("a", 0.03), ("a", 0.02), ("b", 0.1), ("c", None)]
    ]
    assert pair_spread(cases[:3]) == 0.02
    assert pair_spread(cases) == 0.1
    assert pair_spread(cases[4:]) == 0


def test_a_stored_self_test_reads_back_and_is_judged_again(tmp_path, capsys):
    found = selftest(case(0.0, "unchanged"), case(math.log(1.03), "unchanged", 0.001))
    path = tmp_path / "x.json"
    path.write_bytes(noise.encode(found))
    assert noise.load(path) == found
    assert main(["selftest", "--from", str(path)]) == 1
    said = capsys.readouterr()
    assert "was called unchanged, planted +3.0 %" in said.err
    assert "1.5 %" in said.out


@pytest.mark.parametrize("times", [(), (1.0,)])
def test_a_self_test_without_two_pairs_says_nothing_of_the_machine(times, monkeypatch):
    paired = selftest(case(0.0, None, times=times)).paired
    monkeypatch.setattr(run, "measure_coverage", lambda _: ([], 0.0))
    monkeypatch.setattr(run, "compare", lambda *_: paired)
    with pytest.raises(PairError, match="longer --budget"):
        run.run_selftest(asked(12, 0.01, 1.0), lambda _: None)


def test_tables_fit_a_terminal():
    tests = [selftest(case(0.0, "unchanged"), case(math.log(1.05), "slower", 0.05))] * 2
    text = render(selftest_tables(tests), "table", main=0)
    assert max(map(len, text.splitlines())) <= 100


def test_what_measures_reads_the_wander_and_passes_over_what_it_cannot_read(tmp_path):
    assert noise.wander_in(tmp_path, "m") is None
    folder = tmp_path / noise.FOLDER
    folder.mkdir()
    for number, wander in enumerate([None, 0.02, 0.04]):
        found = msgspec.structs.replace(selftest(), wander=wander)
        (folder / f"{number}.json").write_bytes(noise.encode(found))
    assert noise.wander_in(tmp_path, "m") == pytest.approx(0.03)
    assert noise.wander_in(tmp_path, "another") is None
    (folder / "3.json").write_bytes(b"{")
    assert noise.wander_in(tmp_path, "m") is None
