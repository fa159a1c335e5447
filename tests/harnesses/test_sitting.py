"""A sitting is kept, read, added to and printed without the other harnesses."""

import importlib.util
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from measuring import Plan
from processes import Settings, _of_benchmark, _of_csv
from side_by_side import tables
from sitting import (
    BENCHMARK,
    HARNESSES,
    JAX_BENCH,
    LOOP,
    REELBENCH,
    REPLICATES,
    Process,
    Reading,
    Sitting,
    SittingError,
    load,
    load_comparisons,
    save,
)

from reelbench.report.tables import render

HERE = Path(__file__).parents[2] / "bench" / "harnesses"


def process(harness: str, scale: float) -> Process:
    """A process that found a millisecond, and its own share more or less of it."""
    time = 1e-3 * scale
    names = ("min_s", "mean_s", "median_s")
    figures = dict.fromkeys(names, time) | {
        "stddev_s": 2e-5,
        "iqr_s": 3e-5,
        "rounds": 100.0,
        "low_s": time * 0.99,
        "high_s": time * 1.01,
    }
    rounds = [round(1e9 * time) + nth for nth in range(100)]
    readings = [Reading(function="matmul", figures=figures, rounds_ns=rounds)]
    return Process(harness=harness, wall_s=12.0, readings=readings)


@pytest.fixture
def sitting() -> Sitting:
    return Sitting(
        created="2026-03-01T12:00:00+00:00",
        machine="machine-1",
        versions={"reelbench": "1", BENCHMARK: "5"},
        options={"runs": 5, "seed": 1},
        processes=[process(name, scale) for scale in (1.0, 1.002, 1.1) for name in HARNESSES],
    )


def rows(sitting: Sitting, title: str, **options) -> list[dict]:
    made = json.loads(render(tables(sitting, **options), "json"))["tables"]
    return next(table["rows"] for table in made if table["title"].startswith(title))


def test_tables_say_what_was_claimed_and_what_held(sitting):
    (only,) = rows(sitting, f"{REELBENCH} 1:")
    assert only["nominal"] == 0.95
    assert only["half_width"] == pytest.approx(0.01)
    # The long-run median is 1.002 ms: the process at 1.1 ms misses it, and differs from both.
    assert only["covers"] == pytest.approx(2 / 3)
    assert only["false_alarms"] == pytest.approx(2 / 3)


def test_every_harness_has_a_table_with_the_time_it_took(sitting):
    titles = [table.title for table in tables(sitting)]
    assert titles[0] == "The long run: 3 processes of a plain loop"
    for title, name in zip(titles[1:], HARNESSES[1:], strict=True):
        assert title.startswith(name)
        assert "3 processes, 12s each, 12.0 s a function" in title


def test_a_harness_s_own_threshold_is_a_row_without_interval(sitting):
    fail = next(row for row in rows(sitting, BENCHMARK) if row["rule"] == "fail=median:5%")
    assert fail["half_width"] is None
    assert fail["covers"] is None
    assert fail["false_alarms"] == pytest.approx(2 / 3)


def test_short_functions_can_be_left_out(sitting):
    assert rows(sitting, "The long run", at_least_s=0.0)
    assert not rows(sitting, "The long run", at_least_s=5e-3)
    assert "1 functions under 5.00 ms left out" in render(tables(sitting, at_least_s=5e-3))


def test_a_sitting_that_was_cut_short_says_so(sitting):
    sitting.options["processes"] = 10
    assert f"{REELBENCH} 1: 3 of 10 processes" in render(tables(sitting))


def test_what_is_missing_is_told(sitting):
    sitting.of(JAX_BENCH)[0].readings.clear()
    assert "1 of 3 readings are missing" in render(tables(sitting))


@pytest.mark.parametrize("name", ["sitting.json", "sitting.json.gz"])
def test_a_sitting_is_kept_whole(sitting, tmp_path, name):
    save(sitting, tmp_path / "new" / name)
    assert load(tmp_path / "new" / name) == sitting
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


def test_a_file_that_is_no_sitting_is_told_in_one_line(tmp_path):
    (tmp_path / "other.json").write_text('{"benchmarks": []}')
    with pytest.raises(SittingError, match=r"other\.json"):
        load(tmp_path / "other.json")


def paired(tmp_path: Path, **changes) -> Path:
    case = {"a_name": "f", "b_name": "f", "verdict": "unchanged", "estimate": 0.0, "low": -0.01,
            "high": 0.02, "confidence": 0.9925, "pairs": [{}] * 6}  # fmt: skip
    cases = [
        case,
        case | {"verdict": "slower", "low": 0.01, "high": 0.03},
        case | {"verdict": None, "low": None, "high": None, "pairs": []},
        case | changes,
    ]
    run = {"a": {"words": "here"}, "b": {"words": "here"}, "seconds": 80.0, "cases": cases}
    path = tmp_path / "ab.json"
    path.write_text(json.dumps({"reelbench_ab": run}))
    return path


def test_comparisons_of_ab_get_a_table(sitting, tmp_path):
    sitting.comparisons = load_comparisons(paired(tmp_path))
    (row,) = rows(sitting, "reelbench ab: 4 comparisons of 6 pairs of processes, 20.0 s each")
    assert row["false_alarms"] == pytest.approx(1 / 3)  # what was not compared has no verdict
    assert row["covers"] == pytest.approx(2 / 3)
    assert "1 not compared, 1 slower, 2 unchanged" in render(tables(sitting))


@pytest.mark.parametrize("change", [{"planted": 0.02}, {"b_name": "g"}])
def test_comparisons_of_unlike_code_are_refused(tmp_path, change):
    with pytest.raises(SittingError, match="unlike code"):
        load_comparisons(paired(tmp_path, **change))


def test_processes_are_interleaved_block_by_block():
    plan = Plan(blocks=4, loops=2, seed=3, settings=Settings(1.0, 1.0, 5, "5m"))
    order = plan.order()
    blocks = [order[start : start + 6] for start in range(0, len(order), 6)]
    assert all(
        sorted(block) == sorted([BENCHMARK, JAX_BENCH, REELBENCH, REPLICATES, LOOP, LOOP])
        for block in blocks
    )
    assert len({tuple(block) for block in blocks}) > 1
    assert order == plan.order()


def test_what_pytest_benchmark_writes_is_read():
    names = ("min", "mean", "median", "stddev", "iqr")
    stats = {**dict.fromkeys(names, 1e-3), "rounds": 2, "iterations": 1, "data": [2e-3, 1e-6]}
    reading = _of_benchmark({"params": {"name": "scan"}, "stats": stats})
    assert reading.function == "scan"
    assert reading.rounds_ns == [1000, 2_000_000]
    assert reading.figures["mean_s"] == 1e-3


def test_what_pytest_jax_bench_writes_is_read():
    text = """# pytest-jax-bench
# created: 2026-03-01T12:00:00Z
# backend: cpu
#  (1) run_id
#  (2) tag
#  (3) parameters
#  (4) jit_mean_ms
#  (5) jit_std_ms
#  (6) jit_rounds
#        (1)         (2)         (3)         (4)         (5)         (6)
           0        base   name-scan        9.99        0.50          20
           1        base   name-scan        1.25        0.11          20
"""
    reading = _of_csv(text)
    assert reading.function == "scan"
    assert reading.figures == {"mean_s": 1.25e-3, "stddev_s": 1.1e-4, "rounds": 20}


def test_the_command_prints_a_kept_sitting_without_the_other_harnesses(sitting, tmp_path):
    save(sitting, tmp_path / "sitting.json")
    words = ["--from", str(tmp_path / "sitting.json"), "--ab", str(paired(tmp_path))]
    done = subprocess.run(
        [sys.executable, str(HERE / "compare.py"), *words],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert "reelbench ab: 4 comparisons" in done.stdout


def test_what_must_be_installed_is_one_line(monkeypatch, tmp_path, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name.startswith("pytest_") else find(name)
    )
    monkeypatch.setattr(sys, "argv", ["compare.py", "--save", str(tmp_path / "new.json")])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(HERE / "compare.py"), run_name="__main__")
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install 'reelbench[all]' pytest-jax-bench" in line


def test_no_module_is_collected_by_default():
    names = [path.name for path in HERE.glob("*.py")]
    assert names
    assert not [each for each in names if each.startswith("test_") or each.endswith("_test.py")]
