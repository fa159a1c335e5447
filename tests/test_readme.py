"""The README keeps its word: every command it shows with its output is run, and says that."""

import re
import shlex

import pytest

from reelbench import cli

README = "README.md"


@pytest.fixture
def readme(pytestconfig):
    return (pytestconfig.rootpath / README).read_text()


def console_blocks(text):
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        command, _, output = block.partition("\n")
        yield command.removeprefix("$ "), output


def test_commands_print_what_the_readme_shows(readme, capsys, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    blocks = list(console_blocks(readme))
    assert blocks
    for command, output in blocks:
        program, *arguments = shlex.split(command)
        assert program == "reelbench"
        assert cli.main(arguments) == 0
        assert capsys.readouterr().out == output


def test_no_line_of_output_is_wider_than_100_columns(readme):
    for _, output in console_blocks(readme):
        assert max(map(len, output.splitlines())) <= 100


def test_the_two_commands_are_where_continuous_integration_looks_for_them(readme):
    commands = re.findall(r"^```sh command\n(.*)\n```$", readme, re.MULTILINE)
    assert len(commands) == 2
    measuring, testing = commands
    assert measuring.endswith("pytest --benchmark-only")
    assert testing.endswith("pytest")
    assert all("-c requirements.lock" in command for command in commands)


def test_every_option_and_command_the_readme_names_exists(readme, pytestconfig, capsys):
    known = pytestconfig._parser.optparser.format_help()
    for option in set(re.findall(r"--(?:reel|benchmark)-[a-z-]+[a-z]", readme)):
        assert option in known, option
    cli.main(["--help"])
    commands = capsys.readouterr().out
    for command in set(re.findall(r"reelbench (list|show|compare|doctor|\w+) ", readme)):
        assert command in commands or command in ("beside",), command


def test_the_readmes_own_layer_can_be_measured(readme, pytester):
    (code,) = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    pytester.makepyfile(test_mine=code)
    result = pytester.runpytest_subprocess("--benchmark-disable", timeout=120)
    result.assert_outcomes(passed=2)
