"""Anybody's own module or function, measured in their own test file."""

import json
import subprocess
import sys

import pytest

from reelbench.results.read import load

MODULE = """
    def test_block(measure):
        made = measure(Block(), X, clips=2)
        assert made.timing.median_s > 0
"""


def test_a_module_gives_a_row_for_each_pass_and_a_file_that_reads_back(project):
    project.write(MODULE)
    result = project.run()
    result.assert_outcomes(passed=2)
    (file,) = project.files()
    forward, train = load(file).records
    assert (forward.identity.pass_, train.identity.pass_) == ("forward", "train")
    assert forward.identity.layer == "Block"
    assert forward.work.parameters == 32 * 32 + 32
    assert forward.work.model_flops == 2 * 4 * 32 * 32
    # The gradients of a product with respect to both operands cost as much as itself each.
    assert train.work.model_flops == 3 * forward.work.model_flops
    # Of float32 tanh's 4 × 32 outputs at most the values and the derivatives are kept.
    assert forward.work.kept_bytes == 0
    assert train.work.kept_bytes in (4 * 4 * 32, 2 * 4 * 4 * 32)
    assert forward.rates.clips_per_s * forward.timing.median_s == pytest.approx(2)
    assert not project.files(".journal")


def test_the_end_of_a_run_shows_table_file_and_next_command_within_100_columns(project):
    project.write(MODULE)
    result = project.run()
    (file,) = project.files()
    shown = file.relative_to(project.path)
    result.stdout.fnmatch_lines(
        ["*test_block*forward*", f"results: {shown}", f"next: reelbench show {shown}"]
    )
    table = [line for line in result.outlines if "test_block" in line and "::" not in line]
    assert table
    assert max(map(len, table)) <= 100


def test_the_file_is_valid_for_pytest_benchmarks_own_compare(project, tmp_path_factory):
    project.write(MODULE)
    project.run()
    (file,) = project.files()
    away = tmp_path_factory.mktemp("away")  # from the project's own conftest
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=away)
    assert done.returncode == 0, done.stderr
    assert "test_block[forward]" in done.stdout + done.stderr


def test_pytest_benchmarks_own_file_carries_our_blocks_and_no_host_name(project):
    project.write(MODULE)
    project.run("--benchmark-json=out.json")
    made = load(project.path / "out.json")
    assert [record.identity.pass_ for record in made.records] == ["forward", "train"]
    assert "node" not in json.loads((project.path / "out.json").read_text())["machine_info"]


def test_functions_of_pytrees_are_measured_and_static_leaves_stay(project):
    project.write("""
        def attend(weights, x, scale):
            return {"out": (x @ weights["w"]) * scale}

        def test_function(measure):
            measure(attend, {"w": W}, X, 3.0)
    """)
    project.run().assert_outcomes(passed=2)
    assert [r.work.clips for r in load(project.files()[0]).records] == [32.0, 32.0]


def test_passes_that_make_no_sense_are_left_out(project):
    project.write("""
        def test_inference_only(measure):
            measure(lambda x: jnp.sort(x), X, passes=("forward",))
    """)
    project.run().assert_outcomes(passed=1, skipped=1)
    made = load(project.files()[0])
    assert len(made.records) == 1
    assert made.reelbench.complete


def test_a_module_with_running_statistics_trains_on_batch_statistics(project):
    project.write("""
        class Normed(nnx.Module):
            def __init__(self):
                self.linear = nnx.Linear(32, 32, rngs=nnx.Rngs(0))
                self.norm = nnx.BatchNorm(32, rngs=nnx.Rngs(0))
            def __call__(self, x):
                return self.norm(self.linear(x))

        def test_normed(measure):
            measure(Normed(), X)
    """)
    project.run().assert_outcomes(passed=2)


def test_a_reference_that_agrees_is_timed_and_one_that_does_not_fails(project):
    project.write("""
        def exact(x):
            return jnp.sum(x, axis=-1)

        def test_right(measure):
            measure(lambda x: x @ jnp.ones(32), X, reference=exact, passes=["forward"])

        def test_wrong(measure):
            measure(lambda x: 1.01 * exact(x), X, reference=exact, passes=["forward"])
    """)
    result = project.run()
    result.assert_outcomes(passed=1, failed=1, skipped=2)
    result.stdout.fnmatch_lines(["*disagrees_with_reference: relative error 0.01*"])
    made = load(project.files()[0])
    assert [r.identity.preset for r in made.records] == ["test_mine.py::test_right"]


def test_a_mistake_in_the_layer_keeps_its_traceback_and_the_rest_is_measured(project):
    project.write("""
        def test_broken(measure):
            measure(lambda x: x @ x, X)

        def test_block(measure):
            measure(Block(), X)
    """)
    result = project.run()
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*TypeError*"])
    made = load(project.files()[0])
    assert len(made.records) == 2
    assert {o.outcome for o in made.reelbench.outcomes} == {"ok", "compile_failed"}


def test_misuse_is_said_in_one_line(project):
    project.write("""
        def test_twice(measure):
            measure(Block(), X)
            measure(Block(), X)

        def test_unknown_pass(measure):
            measure(Block(), X, passes=("backward",))

        def test_no_layer(measure):
            measure("r3d-layer1", X)
    """)
    result = project.run("--reel-pass=forward")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "*once a test; parametrize the test instead*",
            "*passes=('backward',): choose from forward, train*",
            "*measure() takes a Flax NNX module or a function*",
        ]
    )


def test_disabled_benchmarks_run_once_and_leave_no_file(project):
    project.write(MODULE.replace("assert made.timing.median_s > 0", "assert made is None"))
    result = project.pytester.runpytest_subprocess("--benchmark-disable")
    result.assert_outcomes(passed=2)
    assert not project.files()


def test_collecting_measures_nothing(project):
    project.write(MODULE)
    project.pytester.runpytest_subprocess("--collect-only").stdout.fnmatch_lines(["*2 tests*"])
    assert not (project.path / "results").exists()
