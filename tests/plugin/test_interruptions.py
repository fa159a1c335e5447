"""Kills, full disks, cases that never come back: nothing measured is lost, everything is said."""

import os
import signal
import subprocess
import sys
import time

import pytest

from plugin.shapes import comparable, shape_of
from reelbench.results.read import load

CASES = """
    @pytest.mark.parametrize("width", [8, 16, 24, 32])
    def test_case(measure, width):
        measure(lambda x: jnp.sin(x @ x.T) @ x, X[:, :width])
"""


def start(project, *options):
    command = [sys.executable, "-m", "pytest", "--benchmark-only", "--benchmark-max-time=0.05"]
    return subprocess.Popen(
        [*command, *options], cwd=project.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def ended_cases(project):
    journals = project.files(".journal")
    return journals[0].read_bytes().count(b'"kind":"case"') if journals else 0


def test_a_killed_run_is_completed_by_resuming_and_equals_an_unbroken_one_in_shape(project):
    project.write(CASES)
    project.run().assert_outcomes(passed=8)
    (unbroken,) = project.files()
    reference, _ = comparable(unbroken)
    unbroken.unlink()

    process = start(project)
    deadline = time.monotonic() + 90
    while ended_cases(project) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = ended_cases(project)
    assert kept >= 3
    assert not project.files()

    result = project.run("--reel-resume")
    assert result.parseoutcomes()["passed"] == 8 - kept
    (file,) = project.files()
    assert not project.files(".journal")
    completed, processes = comparable(file)
    assert processes == 2
    assert shape_of(completed) == shape_of(reference)
    assert [b["fullname"] for b in completed["benchmarks"]] == [
        b["fullname"] for b in reference["benchmarks"]
    ]
    made = load(file)
    assert made.reelbench.complete
    assert len({r.timing.replicates[0].process for r in made.records}) == 2


def test_resuming_under_other_software_is_refused(project):
    project.write(CASES)
    process = start(project)
    deadline = time.monotonic() + 90
    while ended_cases(project) < 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    (journal,) = project.files(".journal")
    journal.write_bytes(journal.read_bytes().replace(b'"jaxlib":"', b'"jaxlib":"0.', 1))
    result = project.run("--reel-resume")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*jaxlib went from '0.*' to '*' since the run began; start anew*"])


def test_a_case_in_which_the_process_dies_twice_is_given_up(project):
    project.write("""
        import os

        def test_deadly(measure):
            if os.environ.get("DEADLY"):
                class Dies:
                    pass
                def die(x):
                    os.kill(os.getpid(), 9)
                measure(die, X)
            measure(Block(), X)

        def test_good(measure):
            measure(Block(), X)
    """)
    os.environ["DEADLY"] = "1"
    try:
        for attempt in ([], ["--reel-resume"]):
            process = start(project, "--reel-pass=forward", *attempt)
            process.communicate()
            assert process.returncode == -signal.SIGKILL
        process = start(project, "--reel-pass=forward", "--reel-resume")
        output = process.communicate()[0].decode()
    finally:
        del os.environ["DEADLY"]
    assert process.returncode == 0, output
    made = load(project.files()[0])
    assert {o.outcome for o in made.reelbench.outcomes} == {"ok", "crashed"}


def test_a_call_that_does_not_come_back_costs_its_allowance_and_the_rest_is_measured(project):
    conftest = (project.path / "conftest.py").read_text()
    project.pytester.makeconftest(
        conftest + "\nfrom reelbench.plugin import spending\n"
        "spending._SHORTEST_ALLOWANCE_S = 1.0\nspending._SLOWEST = 0.1\n"
    )
    project.write("""
        import time

        def hang(x):
            time.sleep(60)
            return x

        def test_broken(measure):
            measure(lambda x: jnp.log(x), X)

        def test_hangs(measure):
            shape = jax.ShapeDtypeStruct(X.shape, X.dtype)
            measure(lambda x: jax.pure_callback(hang, shape, x), X)

        def test_good(measure):
            measure(Block(), X)
    """)
    begun = time.monotonic()
    process = start(project, "--reel-pass=forward", "--reel-budget=30s")
    output = process.communicate()[0].decode()
    assert time.monotonic() - begun < 45
    made = load(project.files()[0])
    by_name = {o.name.partition("::")[2]: o for o in made.reelbench.outcomes}
    assert by_name["test_good[forward]"].outcome == "ok"
    assert by_name["test_hangs[forward]"].outcome == "over_budget"
    assert "first call not returned" in by_name["test_hangs[forward]"].reason
    # The mistake that the first process found still fails the run that the second one ends.
    assert by_name["test_broken[forward]"].outcome == "not_finite"
    assert process.returncode == pytest.ExitCode.TESTS_FAILED, output


def test_an_unwritable_folder_is_said_before_anything_is_measured(project):
    project.write(CASES)
    (project.path / "in-the-way").write_text("a file")
    result = project.run("--reel-results=in-the-way/results")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*in-the-way*cannot be written*choose another --reel-results"])
    assert "ceilings" not in result.stdout.str().replace("measuring its ceilings", "")
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_full_disk_is_said_before_anything_is_measured(project):
    conftest = (project.path / "conftest.py").read_text()
    project.pytester.makeconftest(
        conftest
        + "\nimport shutil\nfrom collections import namedtuple\n"
        + "shutil.disk_usage = lambda _: namedtuple('U', 'total used free')(9, 9, 2**20)\n"
    )
    project.write(CASES)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*only 1 MiB free, results need 32; make room or choose another*"])


def test_an_interrupted_run_says_how_to_go_on(project):
    project.write(
        CASES
        + """
    def test_interrupt(measure):
        raise KeyboardInterrupt
    """
    )
    result = project.run("-k", "interrupt or 8")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["* cases are missing; what was measured is in results/*.journal", "next: *--reel-resume"]
    )


def test_two_runs_at_once_do_not_share_a_file(project):
    project.write("""
        def test_case(measure):
            measure(Block(), X)
    """)
    processes = [start(project) for _ in range(2)]
    outputs = [process.communicate()[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert len(project.files()) == 2


def fail_to_write(project, where):
    """Let the disk be full from the third write of a kind on."""
    conftest = (project.path / "conftest.py").read_text()
    project.pytester.makeconftest(
        conftest
        + f"""
from reelbench.results import {where[0]}
owner = getattr({where[0]}, {where[1]!r}, {where[0]}) if {where[1]!r} else {where[0]}
real, count = getattr(owner, {where[2]!r}), [0]

def full(*args):
    count[0] += 1
    if count[0] > {where[3]}:
        raise OSError(28, "No space left on device")
    return real(*args)

import os
if os.environ.get("FULL"):
    setattr(owner, {where[2]!r}, full)
"""
    )


@pytest.mark.parametrize(
    "where",
    [("journal", "Journal", "extend", 6), ("store", "", "write_new", 0)],
    ids=["in the middle", "at the end"],
)
def test_a_disk_that_fills_up_is_said_in_a_line_and_resuming_completes_the_run(
    project, monkeypatch, where
):
    project.write(CASES)
    fail_to_write(project, where)
    monkeypatch.setenv("FULL", "1")
    result = project.run("--reel-pass=forward")
    assert result.ret not in (0, pytest.ExitCode.USAGE_ERROR)
    output = result.stdout.str() + result.stderr.str()
    assert (
        "cannot be written (No space left on device); what was measured before is in the" in output
    )
    assert "Traceback" not in output
    assert not project.files()
    monkeypatch.delenv("FULL")
    assert project.run("--reel-pass=forward", "--reel-resume").ret in (
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    )
    assert len(load(project.files()[0]).records) == 4
