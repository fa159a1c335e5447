"""How long planning takes: 10,000 draws with Sobol indices of a whole scenario, and sweeps.

    pytest -s --benchmark-only bench/planning.py

Each preset is worked out as ``reelbench plan`` does, tables and all, in this process; then by the
command from its start to its end, in a process of its own; then a sweep of thousands of points. The
target is 2 s for the first on 2 cores. Not collected unless it is named.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reelbench.capacity.answers import COUNT, devices_for
from reelbench.capacity.joining import question
from reelbench.capacity.limits import limits
from reelbench.capacity.presets import preset, presets
from reelbench.capacity.rates import FileRates
from reelbench.capacity.reading import parse
from reelbench.capacity.sweep import parse_axis, sweep
from reelbench.report.planning import plan_tables
from reelbench.report.tables import render

_PROGRAM = "import sys; from reelbench.cli import main; sys.exit(main())"


# One preset is of a machine that was measured.
_RATES = Path(__file__).parents[1] / "results/epyc-2c-24g-b0e23118/20261123T201106Z-18ae5ff.json"


def _asked(name: str):
    return question(parse(preset(name), name), FileRates(_RATES))


@pytest.mark.parametrize("name", presets())
def test_a_scenario_is_planned(benchmark, name):
    def run() -> str:
        asked = _asked(name)
        plan = asked.answer()
        return render(plan_tables(asked, plan, limits(asked, plan)), width=100)

    assert "What the uncertainty comes from" in benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    plan = _asked(name).answer()
    benchmark.extra_info["uncertain inputs"] = len(plan.time.inputs)


@pytest.mark.parametrize("name", presets())
def test_the_command_answers(benchmark, name):
    command = [sys.executable, "-c", _PROGRAM, "plan", "--preset", name, "--rates", str(_RATES)]

    def run() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "bottleneck" in benchmark.pedantic(run, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("points", [100, 1000, 5000])
def test_a_grid_is_swept(benchmark, points):
    asked = _asked("fleet-video")
    axis = parse_axis(f"{COUNT}=8..{8 * points}+8", asked)
    assert len(benchmark.pedantic(sweep, (asked, [axis]), rounds=3)) == points


def test_devices_are_found_for_a_deadline(benchmark):
    asked = _asked("fleet-video")
    found = benchmark.pedantic(devices_for, (asked, 30 * 86400.0), rounds=3)
    assert found.value is None or np.isfinite(found.value)
