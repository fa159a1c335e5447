"""What holds for every command: exit codes, one line of error, nothing heavy loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reelbench.cli import main
from reelbench.results.outcome import Outcome
from results import documents as make

COMMAND = "import sys; from reelbench.cli import main; sys.exit(main())"


def reelbench(*words: str, **options) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *words], text=True, capture_output=True, **options
    )


def complaint(capsys, *words: str) -> str:
    """The line on standard error of a command that must fail."""
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("reelbench: ")
    assert err.endswith("\n")
    assert err[:-1].isprintable()
    return err


def test_help_names_every_command_and_loads_no_jax():
    script = (
        "import sys\nfrom reelbench.cli import main\nassert main(['--help']) == 0\n"
        "heavy = {'jax', 'flax', 'optax', 'numpy', 'scipy', 'psutil', 'msgspec', 'pytest'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert not [m for m in sys.modules if m.startswith('reelbench.catalogue')]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("list", "show", "compare", "history", "merge", "export", "ab", "doctor"):
        assert command in done.stdout


def test_runs_as_a_module_where_no_script_was_installed():
    words = [sys.executable, "-m", "reelbench"]
    done = subprocess.run([*words, "--help"], text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: reelbench" in done.stdout
    wrong = subprocess.run([*words, "nothing"], text=True, capture_output=True)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("reelbench: ")


@pytest.mark.parametrize(
    ("words", "also"),
    [
        (["list"], "'numpy'"),
        (["show", "RUN"], "'numpy'"),
        (["compare", "RUN", "RUN"], ""),
        (["history", "RUN"], ""),
        (["export", "RUN"], "'numpy'"),
        (["merge", "RUN", "--output", "-"], ""),
    ],
)
def test_reading_commands_load_no_jax(words, also, tmp_path):
    path = str(make.write(tmp_path, make.document()))
    words = [path if word == "RUN" else word for word in words]
    script = (
        f"import sys\nfrom reelbench.cli import main\nassert main({words!r}) == 0\n"
        f"assert not {{'jax', 'flax', 'optax', {also}}} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_cyclopts_one_line_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cyclopts", None)
    assert complaint(capsys, "list") == (
        "reelbench: the commands need more packages: pip install 'reelbench[all]'\n"
    )


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], ["show", "--help"]])
def test_help_and_version_answer(words, capsys):
    assert main(words) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["lst"], 'Did you mean "list"?'),
        (["show"], "RUN"),
        (["list", "--cor"], "--core"),
        (["list", "--format", "xml"], "json"),
        (["list", "a", "b", "c"], "b"),
        (["show", "nowhere.json"], "cannot be read (No such file or directory)"),
        (["show", "\x1b[31m\n\udc80"], "unknown file, model or preset"),
        (["compare"], "at least two sides, not 0"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_two(words, problem, capsys):
    assert problem in complaint(capsys, *words)


def test_a_mistake_of_ours_is_one_line_without_a_traceback(capsys, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise ZeroDivisionError("float division\nby zero")

    monkeypatch.setattr("reelbench.cli.compare.compare", broken)
    path = str(make.write(tmp_path, make.document()))
    line = complaint(capsys, "compare", path, path)
    assert "internal error, please report it: ZeroDivisionError" in line
    assert "test_main" not in line.partition("(")[0]
    assert str(tmp_path) not in line


def test_an_interrupt_is_exit_code_130(capsys, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("reelbench.cli.compare.compare", interrupted)
    path = str(make.write(tmp_path, make.document()))
    assert main(["compare", path, path]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_went_away_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "list"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_an_answer_that_cannot_be_written_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "list"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "reelbench: the system refused: No space left on device\n"


def test_a_terminal_without_unicode_gets_question_marks(tmp_path):
    path = str(make.write(tmp_path, make.document()))
    done = reelbench("show", path, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "10.0 ms" in done.stdout


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\u202eevil\u200b[red]<b>|`=1+1"
OUTCOMES = set(Outcome)


@pytest.mark.parametrize("style", ["table", "md", "json", "csv"])
def test_nothing_in_a_file_reaches_the_terminal(style, tmp_path, capsys):
    def poison(value):
        if isinstance(value, dict):
            return {key: poison(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [poison(inner) for inner in value]
        return value + HOSTILE if isinstance(value, str) and value not in OUTCOMES else value

    machine = make.machine(**{HOSTILE: HOSTILE})
    outcomes = [make.outcome(preset="b") | {"numbers": {HOSTILE: 1.5}, "advice": "wait"}]
    block = make.run(outcomes=outcomes, options={HOSTILE: HOSTILE})
    records = [make.record(warnings=["clock fell"]), make.record(preset="a")]
    path = str(make.write(tmp_path, poison(make.document(*records, on=machine, block=block))))
    other = str(make.write(tmp_path, make.document(make.record()), "other.json"))
    preset, unmeasured = "r3d-layer1" + HOSTILE, "b" + HOSTILE
    for words in (
        ["show", path, unmeasured],
        ["show", path],
        ["show", path, preset],
        ["compare", path, other],
        ["compare", other, path],
    ):
        assert main([*words, "--format", style]) == 0
        out, err = capsys.readouterr()
        assert out.replace("\n", "").isprintable()
        assert err == ""
        if style == "json":
            json.loads(out)
    assert "evil" in complaint(capsys, "show", path, "r3d-layer1-x")
