"""How the time of a comparison grows with the number of files.

    pytest --benchmark-only bench/comparing.py

Each file holds 100 cases of a run, of 3 processes and 30 rounds each, with all the fields that a
real one has; the command is timed from its start to its end, in a process of its own. Not collected
unless it is named. The memory in the extra information is the most that any process of a
comparison had resident.
"""

from __future__ import annotations

import copy
import json
import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest

CASES, PROCESSES, ROUNDS = 100, 3, 30
_PROGRAM = "import sys; from reelbench.cli import main; sys.exit(main())"


def _template() -> dict:
    """The newest run that is kept in this repository."""
    folder = Path(__file__).parents[1] / "results"
    return json.loads(max(folder.glob("*/2*.json")).read_bytes())


def _write(folder: Path, files: int) -> None:
    """Runs of one machine, a day apart, half of them in either of two folders."""
    rng = random.Random(files)
    whole = _template()
    example = whole["benchmarks"][0]
    for number in range(files):
        whole["benchmarks"] = [_case(example, case, number, rng) for case in range(CASES)]
        created = f"20{20 + number // 336}-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"
        whole["reelbench"] |= {
            "run_id": f"run-{number}",
            "created": f"{created}T00:00:00+00:00",
            "outcomes": [],
            "sources": [],
        }
        home = folder / ("base" if number < files / 2 else "new")
        home.mkdir(exist_ok=True)
        (home / f"{number:05d}.json").write_text(json.dumps(whole, indent=1))


def _case(example: dict, case: int, run: int, rng: random.Random) -> dict:
    made = copy.deepcopy(example)
    name = f"preset-{case}"
    made["name"] = made["fullname"] = f"bench/test_all.py::test[{name}]"
    record = made["extra_info"]["reelbench"]
    record["identity"] |= {"preset": name, "family": f"family-{case % 12}"}
    middle = 0.001 * (1 + case) * rng.lognormvariate(0, 0.02)
    replicate = record["timing"]["replicates"][0]
    record["timing"] |= {"median_s": middle, "low_s": 0.98 * middle, "high_s": 1.02 * middle}
    record["timing"]["replicates"] = [
        replicate
        | {
            "process": f"{run}-{process}",
            "rounds_s": [middle * rng.lognormvariate(0, 0.01) for _ in range(ROUNDS)],
        }
        for process in range(PROCESSES)
    ]
    return made


@pytest.mark.parametrize("files", [10, 100, 1000])
def test_a_folder_is_compared(benchmark, files, tmp_path):
    _write(tmp_path, files)
    command = [sys.executable, "-c", _PROGRAM, "compare", "base=base", "new=new"]

    def run() -> str:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    out = benchmark.pedantic(run, rounds=5, warmup_rounds=1)
    assert f"geometric mean of {CASES} cases" in out
    size = sum(path.stat().st_size for path in tmp_path.glob("*/*.json"))
    benchmark.extra_info["MiB"] = round(size / 2**20, 1)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    benchmark.extra_info["peak_MiB"] = round(most / 2**10)
    print(
        f"\n{files} files of {CASES} cases, {size / 2**20:.0f} MiB: {most / 2**10:.0f} MiB at most"
    )
