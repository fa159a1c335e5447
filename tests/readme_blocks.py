"""Fills in what the README's commands print: ``PYTHONPATH=tests python -m readme_blocks``."""

import contextlib
import io
import os
import re
import shlex
import tempfile
from pathlib import Path

from reelbench import cli

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```console ?(\d?)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def printed(command: str) -> tuple[int, str]:
    """Exit code and output of a command, run beside the results that are kept here."""
    out, before = io.StringIO(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "results").symlink_to(ROOT / "results")
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                code = cli.main(shlex.split(command)[1:])
        finally:
            os.chdir(before)
    return code, out.getvalue()


def blocks(text: str) -> list[tuple[str, int, str]]:
    """Each command, the exit code that its fence names (0 by default), and what it prints."""
    found = []
    for code, block in BLOCK.findall(text):
        command, _, output = block.partition("\n")
        found.append((command.removeprefix("$ "), int(code or 0), output))
    return found


def main() -> None:
    """Run every command and write what it prints into the README."""
    path = ROOT / "README.md"

    def filled(found: re.Match[str]) -> str:
        command = found[2].partition("\n")[0]
        code, output = printed(command.removeprefix("$ "))
        fence = f"```console {code}" if code else "```console"
        return f"{fence}\n{command}\n{output}```"

    path.write_text(BLOCK.sub(filled, path.read_text()))


if __name__ == "__main__":
    main()
