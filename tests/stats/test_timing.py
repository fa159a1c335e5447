"""What a call takes with emptied caches, from the rounds of processes."""

from __future__ import annotations

import pytest

from reelbench.results.schema import Replicate
from reelbench.stats.timing import timing_of


def replicate(median_s: float, *cold_s: float) -> Replicate:
    return Replicate(
        process="p",
        order=0,
        iterations=1,
        warmup_s=[],
        rounds_s=[0.99 * median_s, median_s, 1.01 * median_s],
        cold_s=list(cold_s),
    )


def test_each_process_is_held_against_its_own_rounds():
    # The second process is slow altogether; emptied caches cost it the same factor.
    made = timing_of([replicate(1.0, 1.9, 2.0, 9.0), replicate(4.0, 8.0)], floor_s=0.0)
    assert made.cold_s == pytest.approx(2 * made.median_s)


def test_processes_without_such_calls_do_not_tell():
    made = timing_of([replicate(1.0), replicate(1.0, 3.0)], floor_s=0.0)
    assert made.cold_s == pytest.approx(3 * made.median_s)
    assert timing_of([replicate(1.0)], floor_s=0.0).cold_s is None
