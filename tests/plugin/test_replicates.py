"""Cases measured in several fresh processes: one file, nothing lost, nothing passed over."""

import json
import signal
import subprocess
import sys
import time

import pytest

from plugin.shapes import comparable, shape_of
from reelbench.results.read import load

CASES = """
    @pytest.mark.parametrize("width", [8, 16, 24])
    def test_case(measure, width):
        made = measure(lambda x: jnp.sin(x @ x.T) @ x, X[:, :width])
        assert made.timing.median_s > 0
"""


def records(project):
    (file,) = project.files()
    made = load(file)
    assert made.reelbench.complete
    assert not project.files(".journal")
    assert not project.files(".programs")
    return {r.identity.preset.partition("::")[2]: r for r in made.records}, made


def test_three_processes_make_one_file_and_only_the_first_compiles(project, monkeypatch):
    # A cache of the user's that already has these programs must not serve the first process.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(project.path / "users"))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    project.write(CASES)
    result = project.run("--reel-runs=3", "--reel-pass=forward", "--benchmark-json=out.json")
    result.assert_outcomes(passed=3)
    found, made = records(project)
    processes = [each.id for each in made.reelbench.processes]
    assert len(processes) == len(set(processes)) == 3
    orders = {process: [] for process in processes}
    for benchmark in made.benchmarks:
        record = benchmark.extra_info.reelbench
        assert [each.process for each in record.timing.replicates] == processes
        assert [each.cached for each in record.timing.replicates] == [False, True, True]
        assert not record.compilation.persistent_cache
        medians = sorted(sorted(r.rounds_s)[len(r.rounds_s) // 2] for r in record.timing.replicates)
        assert medians[0] <= record.timing.median_s <= medians[-1] * 1.001
        assert record.rates.clips_per_s == pytest.approx(4 / record.timing.median_s)
        assert benchmark.stats.rounds == sum(len(r.rounds_s) for r in record.timing.replicates)
        assert not any("processes" in warning for warning in record.warnings)
        for replicate in record.timing.replicates:
            orders[replicate.process].append(replicate.order)
    assert all(sorted(order) == [0, 1, 2] for order in orders.values())
    assert len(found) == 3
    assert made.machine_info.reelbench.overhead_s < 1e-3
    # pytest-benchmark's own file has the same rounds of all processes.
    theirs = load(project.path / "out.json")
    assert [b.stats for b in theirs.benchmarks] == [b.stats for b in made.benchmarks]
    result.stdout.fnmatch_lines(
        ["[[]run 1 3/3] test_case*", "[[]run 2/3 1/3] test_case*", "*3/3 3/3*"]
    )


def begin(project, *options):
    command = [sys.executable, "-m", "pytest", "--benchmark-only", "--benchmark-max-time=0.05"]
    return subprocess.Popen(
        [*command, *options], cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def replicates_so_far(project):
    journals = project.files(".journal")
    return journals[0].read_bytes().count(b'"kind":"replicate"') if journals else 0


def test_a_run_killed_among_its_replicates_is_completed_by_resuming(project):
    project.write(CASES)
    project.run("--reel-runs=3", "--reel-pass=forward")
    (unbroken,) = project.files()
    reference, _ = comparable(unbroken)
    unbroken.unlink()

    process = begin(project, "--reel-runs=3", "--reel-pass=forward")
    deadline = time.monotonic() + 90
    while replicates_so_far(project) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = replicates_so_far(project)
    assert 2 <= kept < 6
    assert not project.files()
    assert project.files(".programs")

    project.run("--reel-pass=forward", "--reel-resume")  # how many processes is in the journal
    completed, _ = comparable(project.files()[0])
    found, made = records(project)
    assert all(len(r.timing.replicates) == 3 for r in found.values())
    assert len({r.process for c in found.values() for r in c.timing.replicates}) in (3, 4)
    assert shape_of(completed) == shape_of(reference)
    assert made.reelbench.options["runs"] == 3


def test_what_goes_wrong_in_a_further_process_costs_its_case_and_is_said(project):
    conftest = (project.path / "conftest.py").read_text()
    project.pytester.makeconftest(
        conftest
        + "\nfrom reelbench.plugin import budget, replicates"
        + "\nreplicates._SHORTEST_ALLOWANCE_S = 10.0\nbudget.AGAIN_OVERHEAD_S = 0.3\n"
    )
    project.write("""
        import os, sys, time

        AGAIN = any(word.startswith("--reel-replicate") for word in sys.argv)

        def test_dies(measure):
            if AGAIN:
                os.kill(os.getpid(), 9)
            measure(Block(), X)

        def test_hangs(measure):
            def pause(x):
                time.sleep(600 * AGAIN)
                return x
            shape = jax.ShapeDtypeStruct(X.shape, X.dtype)
            measure(lambda x: jax.pure_callback(pause, shape, x), X)

        def test_differs(measure):
            measure(lambda x: x * (2.0 + AGAIN), X)

        def test_raises(measure):
            if AGAIN:
                measure(None, X)
            measure(Block(), X)

        def test_good(measure):
            measure(Block(), X)
    """)
    result = project.run("--reel-runs=2", "--reel-pass=forward")
    result.assert_outcomes(passed=5)
    found, _ = records(project)
    said = {
        name.removeprefix("test_"): [w for w in record.warnings if w.startswith("fewer processes")]
        for name, record in found.items()
    }
    few = "fewer processes than asked for: 1 of 2, "
    assert said["dies"] == [few + "the process was ended by SIGKILL"]
    assert said["hangs"] == [few + "the process did not come back"]
    assert said["differs"] == [few + "its program is not that of the first process"]
    assert said["raises"][0].startswith(few)
    assert said["good"] == []
    assert [len(found[f"test_{n}"].timing.replicates) for n in ("good", "dies")] == [2, 1]
    result.stdout.fnmatch_lines(["*run 2/2*failed: the process was ended by SIGKILL*"])


def test_a_program_that_is_long_traced_or_compiled_anew_is_waited_for(project):
    conftest = (project.path / "conftest.py").read_text()
    project.pytester.makeconftest(
        conftest
        + "\nfrom reelbench.plugin import budget, replicates"
        + "\nreplicates._SHORTEST_ALLOWANCE_S = budget.AGAIN_OVERHEAD_S = 0.2\n"
    )
    project.write("""
        import time
        from reelbench.measure import compiling

        def test_traced(measure):
            def slow(x):
                time.sleep(2.5)
                return x + 1
            measure(slow, X)

        def test_compiled(measure, monkeypatch):
            used = compiling.cache.only
            def slow(folder):
                time.sleep(2.5)
                return used(None)
            monkeypatch.setattr(compiling.cache, "only", slow)
            measure(Block(), X)
    """)
    result = project.run("--reel-runs=2", "--reel-pass=forward")
    result.assert_outcomes(passed=2)
    found, _ = records(project)
    assert [len(found[name].timing.replicates) for name in ("test_traced", "test_compiled")] == [
        2,
        2,
    ]


def test_when_the_budget_ends_the_processes_that_are_left_out_are_said(project):
    project.write(CASES)
    result = project.run("--reel-runs=60", "--reel-pass=forward", "--reel-budget=24s", "-k", "8")
    result.assert_outcomes(passed=1, deselected=2)
    found, _ = records(project)
    (record,) = found.values()
    count = len(record.timing.replicates)
    assert 1 <= count < 60
    assert f"fewer processes than asked for: {count} of 60, no time was left" in record.warnings


def test_processes_that_do_not_start_are_said_and_the_first_one_s_times_are_kept(project):
    project.write(
        CASES
        + """
    if any(word.startswith("--reel-replicate") for word in sys.argv):
        raise RuntimeError("not a second time")
    """.replace("    if", "    import sys\n    if")
    )
    result = project.run("--reel-runs=2", "--reel-pass=forward")
    result.assert_outcomes(passed=3)
    found, _ = records(project)
    assert all("1 of 2" in str(record.warnings) for record in found.values())
    result.stdout.fnmatch_lines(["a further process did not start *: 3 cases stay with fewer*"])


def test_rounds_go_on_until_the_interval_is_as_narrow_as_asked_or_say_that_it_is_not(project):
    # A planted clock: rounds of one case scatter by 4 %, those of the other by a factor of ten.
    conftest = (project.path / "conftest.py").read_text()
    project.pytester.makeconftest(
        conftest
        + """
import numpy as np
from reelbench.measure import clock
from reelbench.plugin import visits
visits._ROOM = 0.0  # it is the rounds of one visit that are at stake
rng = np.random.default_rng(0)

def scattered(kind, rounds):
    spread = 0.04 if kind == "calm" else 2.3
    return (1e-3 * np.exp(rng.normal(0, spread, rounds))).tolist()

@pytest.fixture(autouse=True)
def planted(request, benchmark, monkeypatch):
    kind = request.node.originalname.removeprefix("test_")
    real = benchmark.pedantic
    def pedantic(call, rounds, iterations):
        real(call, rounds=1, iterations=iterations)
        benchmark.stats.stats.data[:] = scattered(kind, 10)
    monkeypatch.setattr(benchmark, "pedantic", pedantic)
    monkeypatch.setattr(clock, "time_rounds", lambda call, rounds, *_: scattered(kind, rounds))
"""
    )
    project.write("""
        def test_calm(measure):
            measure(Block(), X)

        def test_wild(measure):
            measure(Block(), X)
    """)
    result = project.run("--reel-width=2%", "--reel-pass=forward", "--reel-budget=20s")
    found, _ = records(project)
    calm, wild = found["test_calm"].timing, found["test_wild"].timing
    assert 10 < len(calm.replicates[0].rounds_s) < 1000
    assert (calm.high_s - calm.low_s) / calm.median_s / 2 <= 0.02
    assert len(wild.replicates[0].rounds_s) > len(calm.replicates[0].rounds_s)
    assert not any("wider" in warning for warning in found["test_calm"].warnings)
    (wider,) = [w for w in found["test_wild"].warnings if w.startswith("wider than asked: ± ")]
    assert "of 2.0 %; try several processes with --reel-runs" in wider
    result.stdout.fnmatch_lines(["width: 1 of 2 cases are within ± 2.0 %"])
    made = json.loads(project.files()[0].read_text())["benchmarks"]
    rounds = [len(c.timing.replicates[0].rounds_s) for c in found.values()]
    assert [b["stats"]["rounds"] for b in made] == rounds
