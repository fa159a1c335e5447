"""How the machine wandered during a run is in the intervals of its cases, and in its file."""

import math

import msgspec
import pytest

from reelbench.merge import merge
from reelbench.plugin.merging import wider_than
from reelbench.report.run import run_tables
from reelbench.results.read import load, parse
from reelbench.results.schema import Replicate
from reelbench.stats.timing import Unsteadiness, timing_of

WANDERING = """
class Wandering:
    def __init__(self):
        self.turn = 0

    def read(self, seconds):
        self.turn += 1
        median = 1e-3 * (1.0, 1.2, 1.0, 0.9)[self.turn % 4]
        return {"matmul": Reading(median_s=median, low_s=median, high_s=median)}

steadiness.Standards = Wandering
"""
CASES = """
    @pytest.mark.parametrize("size", range(6))
    def test_block(measure, size):
        measure(Block(), X, passes=("forward",))
"""


def half_width(record):
    timing = record.timing
    return (timing.high_s - timing.low_s) / (2 * timing.median_s)


def test_each_case_is_as_uncertain_as_the_standards_wandered_from_first_to_last(project):
    project.configure(WANDERING)
    project.write(CASES)
    result = project.run("--reel-pass=forward")
    (file,) = project.files()
    made = load(file)
    # Five before the first case, one before each other.
    (readings,) = made.reelbench.standards.values()
    assert len(readings) == 10
    assert made.machine_info.reelbench.wander == pytest.approx(math.log(1.2))
    assert len(made.records) == 6
    for record in made.records:
        timing = record.timing
        assert timing.high_s / timing.median_s >= 1.2 * (1 - 1e-9)
        assert timing.median_s / timing.low_s >= 1.2 * (1 - 1e-9)
        assert "check standards" in timing.method
    # What the run shows at its end is what the file holds.
    half = min(map(half_width, made.records))
    assert half >= 0.18
    assert any("± 1" in line or "± 2" in line for line in result.outlines if "test_block" in line)


def test_a_steady_machine_widens_nothing(project):
    project.write(CASES)
    project.run("--reel-pass=forward")
    made = load(project.files()[0])
    assert made.machine_info.reelbench.wander == 0


def test_a_wanted_width_below_the_wandering_is_said_once_not_to_be_reached(project):
    # With visits far enough apart the cases would say themselves that they are steady.
    project.configure(f"{WANDERING}\nfrom reelbench.plugin import visits\nvisits._ROOM = 0.0\n")
    project.write(CASES)
    project.run("--reel-pass=forward", "--reel-width=15%", "--reel-budget=60s")
    for record in load(project.files()[0]).records:
        (said,) = [each for each in record.warnings if each.startswith("wider than asked")]
        assert "--reel-runs" in said


def test_rounds_that_agree_are_not_asked_for_where_the_machine_wanders():
    rounds = [1e-3 * (1 + 1e-4 * (turn % 7)) for turn in range(60)]
    process = Replicate(process="p", order=0, iterations=1, warmup_s=[], rounds_s=rounds)
    assert wider_than(timing_of([process], 0.0, Unsteadiness(0.0)), 0.02) == []
    (said,) = wider_than(timing_of([process], 0.0, Unsteadiness(0.2)), 0.02)
    assert "the machine wanders more from second to second" in said
    assert "more rounds" not in said


def test_merging_keeps_the_readings_of_every_run(project):
    project.configure(WANDERING)
    project.write(CASES)
    project.run("--reel-pass=forward")
    project.run("--reel-pass=forward")
    named = [(file.name, file.read_bytes()) for file in project.files()]
    made = parse(merge(named), "merged.json")
    for source in made.reelbench.sources:
        (readings,) = source.standards.values()
        assert len(readings) == 10
    assert msgspec.to_builtins(made.reelbench.standards) == {}
    (header, *_) = run_tables(made, "merged.json")
    (row,) = [row for row in header.rows if row[0].text == "speed wandered"]
    assert row[1].text.endswith("median of 2 runs")
