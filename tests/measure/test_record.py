"""What a record says of a case's time, once the rounds of all processes are together."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelbench.results.schema import CaseRecord, Replicate
from reelbench.stats.timing import merged, timing_of
from results import documents

CALL_S = 0.010
DISPATCH = "dispatch-bound, the device works only part of the time: "


def replicate(device_s=None, call_s=CALL_S):
    rounds = [call_s * (1 + 0.001 * (n % 3)) for n in range(30)]
    return Replicate(
        process="p", order=0, iterations=1, warmup_s=[], rounds_s=rounds, device_s=device_s
    )


def warnings_of(*replicates):
    first = msgspec.convert(documents.record(CALL_S), CaseRecord)
    return merged(first, replicates, 1e-6).warnings


def test_device_time_is_the_median_over_processes():
    timing = timing_of([replicate(each) for each in (0.008, 0.002, 0.007)], 1e-6)
    assert timing.device_s == 0.007
    assert [each.device_s for each in timing.replicates] == [0.008, 0.002, 0.007]


def test_processes_that_do_not_know_it_have_no_say():
    assert timing_of([replicate(None), replicate(0.007)], 1e-6).device_s == 0.007
    assert timing_of([replicate(None)], 1e-6).device_s is None


@given(st.lists(st.floats(1e-6, 10), min_size=1, max_size=9))
def test_device_time_lies_among_those_of_the_processes(times):
    found = timing_of([replicate(each) for each in times], 1e-6).device_s
    assert min(times) <= found <= max(times)


def test_a_call_whose_device_mostly_waits_is_called_dispatch_bound():
    assert warnings_of(replicate(0.004)) == [DISPATCH + "40 %"]


def test_the_processes_together_decide():
    assert warnings_of(*map(replicate, (0.004, 0.009, 0.009))) == []
    assert warnings_of(*map(replicate, (0.004, 0.004, 0.009))) == [DISPATCH + "40 %"]


@pytest.mark.parametrize("device_s", [0.0085, CALL_S, 0.012])
def test_a_call_whose_device_is_busy_is_not(device_s):
    # A profiled call may take longer than a timed one: that is no time below zero.
    assert warnings_of(replicate(device_s)) == []


def test_without_a_device_time_nothing_is_said_of_it():
    assert warnings_of(replicate(None)) == []


def test_a_warning_that_further_processes_refute_is_taken_back():
    first = msgspec.convert(documents.record(CALL_S), CaseRecord)
    alone = merged(first, [replicate(0.004)], 1e-6)
    together = merged(alone, [replicate(0.004), replicate(0.009), replicate(0.009)], 1e-6)
    assert alone.warnings == [DISPATCH + "40 %"]
    assert together.warnings == []
