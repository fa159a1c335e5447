"""Levels of cases on a machine that is faster in one process than in another."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelbench.predict.processes import levels_of
from results import documents as make

TRUE = [0.001 * 1.5**n for n in range(12)]


def records(shifts, *, cases=TRUE, measured=lambda case, process: True, noise=0.0):
    """Cases whose processes are all faster or slower by the logarithms given."""
    rng = np.random.default_rng(3)
    rows = []
    for case, level in enumerate(cases):
        replicates = [
            make.timing(level * exp(shift + noise * rng.standard_normal()))["replicates"][0]
            | {"process": f"p{process}"}
            for process, shift in enumerate(shifts)
            if measured(case, process)
        ]
        timing = make.timing(level, replicates=replicates)
        rows.append(make.record(level, preset=f"case{case}", timing=timing))
    return make.results(*rows).records


@settings(deadline=None)
@given(st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=4))
def test_cases_of_different_processes_are_brought_to_one_speed(shifts):
    # Every second case was not measured in the first process.
    levels = levels_of(records(shifts, measured=lambda case, process: process or case % 2))
    ratios = np.array(levels.logs) - np.log(TRUE)
    # Shrinkage leaves some of what divided the cases.
    assert np.ptp(ratios) <= 0.3 * np.ptp(shifts) + 1e-9


def test_what_is_common_is_told_from_the_rest():
    steady = levels_of(records([-0.15, 0.0, 0.15]))
    noisy = levels_of(records([0.0, 0.0, 0.0], noise=0.1))
    assert steady.common == pytest.approx(0.15, rel=0.2)
    assert steady.rest < 0.04
    assert noisy.rest == pytest.approx(0.1, rel=0.3)
    assert noisy.common < 0.05


def test_one_process_tells_nothing_of_processes():
    levels = levels_of(records([0.3]))
    assert levels.rest is None
    assert levels.logs == pytest.approx([log(level) + 0.3 for level in TRUE], abs=1e-6)


def test_a_file_without_cases_has_no_levels():
    assert levels_of([]).logs == ()
