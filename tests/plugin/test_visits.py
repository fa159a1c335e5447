"""One process comes back to its cases, and their intervals know what changed meanwhile."""

import json

import pytest

from reelbench.merge import merge
from reelbench.results.journal import Journal
from reelbench.results.read import load, parse
from reelbench.stats.visits import median_of

# Each case's rounds take what was planted for its visit, whatever its call does.
PLANTED = """
from reelbench.measure import clock, protocol
from reelbench.plugin import visits

made = {}

@pytest.fixture(autouse=True)
def planted(request, benchmark, monkeypatch):
    name = request.node.name
    jumps = "jumping" in name

    def seconds(rounds):
        turn = made[name] = made.get(name, -1) + 1
        middle = 1e-3 * ((1.0, 2.0, 1.0, 2.0)[turn % 4] if jumps else 1 + 0.01 * (turn % 3))
        return [middle * (1 + 0.001 * (n % 5 - 2)) for n in range(rounds)]

    real = benchmark.pedantic

    def pedantic(call, rounds, iterations):
        real(call, rounds=1, iterations=iterations)
        benchmark.stats.stats.data[:] = seconds(min(rounds, 30))

    monkeypatch.setattr(benchmark, "pedantic", pedantic)
    real_keep = visits.Visits.keep

    def keep(self, case, call, timer, *rest, **more):
        real_keep(self, case, call, lambda call, rounds, iterations: seconds(rounds), *rest, **more)

    monkeypatch.setattr(visits.Visits, "keep", keep)
"""
# Visits a hundred seconds apart, in no time.
APART = """
from reelbench.plugin import visits as _visits
_clock = [0.0]

def _monotonic():
    _clock[0] += 25.0
    return _clock[0]

class _Time:
    monotonic = staticmethod(_monotonic)

_visits.time = _Time
"""
NINE_ROUNDS = ("--benchmark-min-rounds=9", "--benchmark-max-time=0.0001")
CASES = """
    @pytest.mark.parametrize("kind", ["steady0", "steady1", "steady2", "steady3", "steady4",
                                      "steady5", "jumping"])
    def test_block(measure, kind):
        measure(Block(), X, passes=("forward",))
"""


def by_kind(project):
    (file,) = project.files()
    return {r.identity.preset.split("[")[1].rstrip("]"): r for r in load(file).records}


def half_width(record):
    timing = record.timing
    return (timing.high_s - timing.low_s) / (2 * timing.median_s)


def test_each_case_is_visited_three_times(project):
    project.write(CASES)
    result = project.run("--reel-pass=forward", *NINE_ROUNDS)
    (file,) = project.files()
    for record in load(file).records:
        (process,) = record.timing.replicates
        assert [len(each) for each in process.visits_s] == [9, 3, 3]
        first, second = (each.after_s for each in process.later)
        assert 0 < first < second
        assert record.timing.median_s == pytest.approx(median_of(process))
    made = json.loads(file.read_text())["benchmarks"]
    for each in made:
        (process,) = each["extra_info"]["reelbench"]["timing"]["replicates"]
        rounds = len(process["rounds_s"]) + sum(len(v["rounds_s"]) for v in process["later"])
        assert each["stats"]["rounds"] == rounds
    result.stdout.no_fnmatch_line("timing the cases again*")


def test_visits_that_take_their_time_are_announced(project):
    project.write(CASES)
    result = project.run("--reel-pass=forward", "--benchmark-max-time=0.9", "-k", "steady")
    result.stdout.fnmatch_lines(["timing the cases again, about *s …"])


def test_a_case_that_jumps_between_visits_is_less_certain_than_those_that_do_not(project):
    project.configure(PLANTED + APART)
    project.write(CASES)
    project.run("--reel-pass=forward")
    found = by_kind(project)
    jumping = found.pop("jumping")
    assert half_width(jumping) > 0.25
    assert max(map(half_width, found.values())) < 0.1
    for record in found.values():
        assert record.timing.low_s <= 1.01e-3 <= record.timing.high_s
        assert "3 visits" in record.timing.method


def test_merging_a_run_with_itself_changes_no_interval(project):
    project.configure(PLANTED + APART)
    project.write(CASES)
    project.run("--reel-pass=forward")
    (file,) = project.files()
    data = file.read_bytes()
    made = parse(merge([(file.name, data)] * 2), "merged.json")
    before = {r.identity.preset: r.timing for r in load(file).records}
    assert {r.identity.preset: r.timing for r in made.records} == before


def test_what_may_be_lost_with_a_case_that_may_never_return_is_visited_before_it(project):
    project.configure("""
from reelbench.measure import choosing
from reelbench.plugin import visits

visits._EARLIEST_S = 0.0
asked = []

def may_not_return(workload):
    asked.append(workload.identity.preset)
    return len(asked) == 3

choosing.may_not_return = may_not_return
""")
    project.write(CASES)
    project.run("--reel-pass=forward", *NINE_ROUNDS)
    records = load(project.files()[0]).records
    visits = sorted(len(record.timing.replicates[0].visits_s) for record in records)
    # Nothing is kept before the first case, so that the third question is before the fourth.
    assert visits == [3, 3, 3, 3, 4, 4, 4]


def test_what_is_too_large_to_keep_is_visited_once(project):
    project.configure("from reelbench.plugin import visits; visits._ROOM = 0.0")
    project.write(CASES)
    project.run("--reel-pass=forward", *NINE_ROUNDS)
    for record in load(project.files()[0]).records:
        (process,) = record.timing.replicates
        assert (len(process.rounds_s), process.later) == (9, [])


def test_further_processes_stand_in_the_place_of_further_visits(project):
    project.write(CASES)
    project.run("--reel-pass=forward", "--reel-runs=2", "--reel-budget=60s", "-k", "jumping")
    (record,) = load(project.files()[0]).records
    assert [each.later for each in record.timing.replicates] == [[], []]


def test_a_wanted_width_is_reached_by_further_visits(project):
    project.configure(PLANTED + APART)
    project.write(CASES)
    project.run("--reel-pass=forward", "--reel-width=1%", "--reel-budget=30s", "-k", "steady")
    found = by_kind(project)
    assert max(map(half_width, found.values())) <= 0.01
    visits = [len(record.timing.replicates[0].visits_s) for record in found.values()]
    assert max(visits) > 3
    assert not any("wider" in said for record in found.values() for said in record.warnings)


def test_what_is_kept_makes_room_for_a_case_that_needs_it(project):
    project.configure("""
from reelbench.measure.failure import CaseFailure
from reelbench.plugin import session
from reelbench.results.outcome import Outcome

real = session.protocol.prepare
tried = []

def prepare(*given):
    tried.append(given)
    if len(tried) == 3:
        raise CaseFailure(Outcome.WOULD_NOT_FIT, "too large beside what is kept")
    return real(*given)

session.protocol.prepare = prepare
""")
    project.write(CASES)
    project.run("--reel-pass=forward", "--benchmark-max-time=0.03")
    records = load(project.files()[0]).records
    assert len(records) == 7
    visits = sorted(len(record.timing.replicates[0].visits_s) for record in records)
    assert visits == [1, 1, 3, 3, 3, 3, 3]


def test_a_case_that_no_longer_runs_keeps_its_first_visit(project):
    project.configure("""
import jax
from reelbench.plugin import visits

def time_again(*given, **more):
    raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

visits.protocol.time_again = time_again
""")
    project.write(CASES)
    project.run("--reel-pass=forward").assert_outcomes(passed=7)
    for record in load(project.files()[0]).records:
        assert record.timing.replicates[0].later == []


def test_visits_before_an_interruption_are_not_lost(project):
    project.configure(APART)
    project.write("""
        @pytest.mark.parametrize("kind", range(6))
        def test_block(measure, kind):
            if kind == 5 and not __import__("os").path.exists("again"):
                open("again", "w").close()
                raise KeyboardInterrupt
            measure(Block(), X, passes=("forward",))
    """)
    project.run("--reel-pass=forward", "--reel-budget=60s")
    (path,) = project.path.glob("results/*/*.journal")
    journal = Journal.reopen(path)
    kept = {name: len(each) for name, each in journal.visits.items()}
    journal.close()
    assert sum(kept.values()) > 0
    project.run("--reel-pass=forward", "--reel-resume")
    found = {r.identity.preset: r for r in load(project.files()[0]).records}
    assert len(found) == 6
    later = sum(len(r.timing.replicates[0].later) for r in found.values())
    assert later >= sum(kept.values()) + 2
