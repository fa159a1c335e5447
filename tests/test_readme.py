"""The README keeps its word: every command it shows with its output is run, and says that."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from readme_blocks import blocks, printed
from reelbench import cli
from reelbench.units import print_rate

README = "README.md"


@pytest.fixture
def readme(pytestconfig):
    return (pytestconfig.rootpath / README).read_text()


def test_commands_print_what_the_readme_shows(readme):
    shown = blocks(readme)
    assert len(shown) > 5
    for command, code, output in shown:
        assert command.split()[0] == "reelbench"
        assert printed(command) == (code, output), command


def test_every_command_that_reads_results_is_shown_with_its_output(readme):
    shown = {command.split()[1] for command, _, _ in blocks(readme)}
    assert {"show", "compare", "history", "merge", "export", "plan", "validate"} <= shown


def test_no_line_of_output_is_wider_than_100_columns(readme):
    for _, _, output in blocks(readme):
        # Complaints are lines of their own, which a terminal wraps.
        tables = [line for line in output.splitlines() if not line.startswith(("reelbench:", "|"))]
        assert max(map(len, tables), default=0) <= 100


def test_the_two_commands_are_where_continuous_integration_looks_for_them(readme):
    commands = re.findall(r"^```sh command\n(.*)\n```$", readme, re.MULTILINE)
    assert len(commands) == 2
    measuring, testing = commands
    assert measuring.endswith("pytest --benchmark-only")
    assert testing.endswith("pytest -n logical")
    assert all("-c requirements.lock" in command for command in commands)


def test_every_option_and_command_the_readme_names_exists(readme, pytestconfig, capsys):
    known = pytestconfig._parser.optparser.format_help()
    for option in set(re.findall(r"--(?:reel|benchmark)-[a-z-]+[a-z]", readme)):
        assert option in known, option
    cli.main(["--help"])
    commands = capsys.readouterr().out
    for command in set(re.findall(r"reelbench (list|show|compare|doctor|\w+) ", readme)):
        assert command in commands or command in ("beside",), command


def test_the_readmes_own_scenario_can_be_planned(readme, tmp_path, capsys):
    (text,) = re.findall(r"^```toml\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    (tmp_path / "plan.toml").write_text(text)
    assert cli.main(["plan", str(tmp_path / "plan.toml"), "--draws", "200"]) == 0
    assert "Ends within 30 days" in capsys.readouterr().out


def test_the_readmes_own_layer_can_be_measured(readme, pytester):
    (code,) = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    pytester.makepyfile(test_mine=code)
    result = pytester.runpytest_subprocess("--benchmark-disable", timeout=120)
    result.assert_outcomes(passed=2)


def test_a_layer_is_added_as_the_readme_says(readme, tmp_path, pytestconfig):
    root = pytestconfig.rootpath
    for folder in ("src", "bench"):
        shutil.copytree(root / folder, tmp_path / folder)
    shutil.copy(root / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    (row,) = re.findall(r"^```text row\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    (module,) = re.findall(r"^```python module\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    catalogue = tmp_path / "src/reelbench/catalogue/reduction.py"
    table, end, rest = catalogue.read_text().rpartition(")\n# fmt: on")
    catalogue.write_text(table + row + end + rest)
    layers = tmp_path / "src/reelbench/layers/reduction.py"
    layers.write_text(f"{layers.read_text()}\n\n{module}")

    def run(*command):
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    program = "import sys; from reelbench.cli import main; sys.exit(main())"
    listed = run("-c", program, "list", "token-mean")
    parameters, tokens = 768 * 768 + 768, 16 * 7 * 7
    assert f"{parameters:,}" in listed
    assert print_rate(2 * tokens * 768 * 768, "FLOP") in listed
    measuring = ("-m", "pytest", "--benchmark-only", "--reel-budget=2m", "--reel-pass=forward")
    measured = run(*measuring, "--reel-case=token-mean")
    assert re.search(r"token-mean +forward +[\d.]+ [mµ]s", measured)
