"""What the options choose, and what a wrong one says."""

import os

import pytest

from reelbench.machine.awake import can_be_kept_awake
from reelbench.results.read import load

CATALOGUE = """
    from reelbench.catalogue import Input, Preset

    SMALL = Preset("Conv3D", "small", clip=(2, 4, 4), inputs={"x": Input((2, 4, 4, 3))},
                   options={"in_features": 3, "out_features": 5}, source="test",
                   family="convolution")
    ONE_PASS = Preset("Conv3D", "one-pass", clip=(2, 4, 4), inputs={"x": Input((2, 4, 4, 3))},
                      options={"in_features": 3, "out_features": 5}, source="test",
                      family="convolution", passes=("forward",))

    @pytest.mark.parametrize("preset", [SMALL, ONE_PASS], ids=lambda preset: preset.name)
    def test_layer(measure, preset):
        measure(preset)
"""


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--reel-budget=soon", "*--reel-budget: 'soon' is not a duration; write 90s, 5m or 1h30m"),
        ("--reel-budget=0s", "*--reel-budget: '0s' is not a positive duration*"),
        ("--reel-runs=0", "*--reel-runs: '0'; write a number from 1 to 100"),
        ("--reel-runs=few", "*--reel-runs: 'few'; write a number from 1 to 100"),
        (
            "--reel-width=narrow",
            "*--reel-width: 'narrow' is no share; write one such as 3% or 0.03",
        ),
        ("--reel-dtype=float23", "*--reel-dtype: unknown 'float23'; did you mean 'float32'?"),
        ("--reel-dtype=", "*--reel-dtype: is empty; choose from float32*"),
        ("--reel-pass=trian", "*--reel-pass: unknown 'trian'; did you mean 'train'?"),
        ("--reel-batch=0", "*--reel-batch: '0'; write numbers such as 1,4,16, or auto"),
        ("--reel-batch=many", "*--reel-batch: 'many'; write numbers*"),
        (
            "--reel-case=r3d-layr1",
            "*--reel-case: unknown preset 'r3d-layr1'; did you mean 'r3d-layer1'?",
        ),
        ("--reel-resume", "*no interrupted run of this machine; start without --reel-resume"),
    ],
)
def test_a_wrong_option_is_one_line_with_what_would_be_right(project, option, line):
    project.write(CATALOGUE)
    result = project.run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([line])
    result.stderr.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_folder_that_makes_pytest_lose_its_settings_is_one_line(project, tmp_path_factory):
    project.write(CATALOGUE)
    apart = tmp_path_factory.mktemp("apart")
    result = project.run("--reel-results", str(apart))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*write --reel-results={apart}"])
    assert project.run(f"--reel-results={apart}", "--reel-pass=forward", "-k", "one-pass").ret == 0
    assert len(list(apart.glob("*/*.json"))) == 1


def test_cpus_that_cannot_be_kept_awake_are_one_line_before_anything_is_measured(project):
    project.write(CATALOGUE)
    with (project.path / "conftest.py").open("a") as file:
        file.write(
            "\nfrom reelbench.machine import cgroup\ncgroup.limits = lambda: {'cgroup_cpus': 0.5}\n"
        )
    result = project.run("--reel-awake")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--reel-awake: *"])
    result.stderr.no_fnmatch_line("*Traceback*")
    assert project.files() == []


@pytest.mark.skipif(not can_be_kept_awake(), reason="CPUs cannot be kept awake here")
def test_cpus_kept_awake_are_recorded_and_are_no_other_work(project):
    project.write(CATALOGUE)
    project.run("--reel-awake", "--reel-pass=forward", "--reel-runs=2")
    (file,) = project.files()
    assert load(file).machine_info.reelbench.facts["cpus_kept_awake"] == len(
        os.sched_getaffinity(0)
    )


def test_dtypes_batches_and_passes_span_the_cases(project):
    project.write(CATALOGUE)
    project.run("--reel-dtype=float32,bfloat16", "--reel-batch=2,3", "--reel-pass=forward")
    records = [r for r in load(project.files()[0]).records if r.identity.preset == "small"]
    points = {(r.identity.dtype, r.identity.batch, r.identity.pass_) for r in records}
    assert points == {(d, b, "forward") for d in ("float32", "bfloat16") for b in (2, 3)}
    for record in records:
        assert record.work.clips == record.identity.batch
        assert record.work.frames == 2 * record.identity.batch
        assert record.work.tokens == 32 * record.identity.batch
        assert record.work.model_flops == record.identity.batch * 2 * 32 * 27 * 3 * 5
        assert record.work.parameters == 27 * 3 * 5


def test_a_pass_that_a_preset_does_not_have_is_no_case(project):
    project.write(CATALOGUE)
    project.run()
    found = {(r.identity.preset, r.identity.pass_) for r in load(project.files()[0]).records}
    assert found == {("small", "forward"), ("small", "train"), ("one-pass", "forward")}


def test_the_batch_doubles_until_it_stops_paying(project):
    project.write(CATALOGUE)
    # Throughput that a planted clock makes rise to batch 4 and then stand still.
    conftest = (project.path / "conftest.py").read_text()
    project.pytester.makeconftest(
        conftest
        + """
from reelbench.plugin import session
real = session.record
def planted(compiled, replicate, limits):
    batch = compiled.traced.workload.identity.batch
    rate = min(batch, 4) * 1000
    times = [batch / rate] * len(replicate.rounds_s)
    from msgspec import structs
    return real(compiled, structs.replace(replicate, rounds_s=times), limits)
session.record = planted
"""
    )
    project.run("--reel-batch=auto", "--reel-pass=forward", "-k", "small")
    made = load(project.files()[0])
    assert [r.identity.batch for r in made.records] == [1, 2, 4, 8]
    saturated = [o for o in made.reelbench.outcomes if o.outcome == "saturated"]
    assert {o.identity.batch for o in saturated} == {16, 32, 64, 128, 256}
    assert made.reelbench.complete


def test_a_case_that_does_not_fit_is_an_outcome_with_both_numbers_and_the_rest_is_measured(project):
    project.write("""
        def test_too_large(measure):
            measure(lambda x: jnp.sum(jnp.sin(x[:, None] + x[None, :]) @ jnp.cos(x), axis=0),
                    np.random.default_rng(0).standard_normal(2**20).astype(np.float32))

        def test_block(measure):
            measure(Block(), X)
    """)
    result = project.run("--reel-pass=forward", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    made = load(project.files()[0])
    large = next(o for o in made.reelbench.outcomes if o.outcome != "ok")
    assert large.outcome == "would_not_fit"
    assert large.numbers["needed_bytes"] > large.numbers["available_bytes"] > 0
    assert "GiB" in large.reason or "TiB" in large.reason


def test_bare_pytest_runs_the_tests_and_benchmark_only_the_benchmarks(pytester, project):
    pytester.makeini("[pytest]\ntestpaths = tests\nreel_benchpaths = bench\n")
    for folder, name in (("tests", "test_a"), ("bench", "test_b")):
        pytester.mkdir(folder).joinpath(f"{name}.py").write_text(
            f"def {name}({'measure' if folder == 'bench' else ''}): "
            + ("measure(lambda x: x + 1, __import__('numpy').ones(3), passes=[])" if 0 else "pass")
        )
    bare = pytester.runpytest_subprocess("--collect-only", "-q")
    bare.stdout.fnmatch_lines(["tests/test_a.py::test_a"])
    bare.stdout.no_fnmatch_line("*bench/*")
    only = pytester.runpytest_subprocess("--collect-only", "-q", "--benchmark-only")
    only.stdout.fnmatch_lines(["bench/test_b.py::test_b*"])
    only.stdout.no_fnmatch_line("*tests/*")


def test_without_pytest_benchmark_other_tests_run_as_if_nothing_were_installed(pytester):
    pytester.makepyfile("def test_plain(): pass")
    pytester.runpytest_subprocess("-p", "no:benchmark").assert_outcomes(passed=1)


def test_the_plugin_loads_no_jax_for_tests_that_do_not_measure(pytester):
    pytester.makepyfile("import sys\ndef test_plain(): assert 'jax' not in sys.modules")
    pytester.runpytest_subprocess("-p", "no:jaxtyping").assert_outcomes(passed=1)
