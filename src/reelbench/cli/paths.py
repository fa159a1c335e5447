"""Turns a word into result files: a file, a glob, a machine's folder, a folder of machines."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from reelbench.cli.arguments import UsageError, exists
from reelbench.results.read import ResultFileError

STANDARD_INPUT = "-"
"""What stands for standard input, or output, where a file is named."""


def result_files(words: Sequence[str]) -> list[Path]:
    """The result files that words mean, each once: files, globs, or all runs in folders.

    Raises:
        UsageError: A folder or glob holds none.
        ResultFileError: A folder cannot be read.
    """
    found = (path for word in words for _, paths in expand(word) for path in paths)
    return list(dict.fromkeys(found))


def expand(text: str) -> list[tuple[str, list[Path]]]:
    """The sides in one word, each with a label where the word gives one."""
    path = Path(text)
    if exists(text):
        return _of_folder(path) if path.is_dir() else [("", [path])]
    if glob.has_magic(text):
        try:
            # Not Path.glob, which takes no absolute pattern.
            matches = sorted(map(Path, glob.glob(text, recursive=True)))  # noqa: PTH207
        except (OSError, ValueError) as error:
            raise UsageError(f"{text}: is no pattern ({error})") from None
        files = [each for each in matches if each.is_file()]
        for folder in (each for each in matches if each.is_dir()):
            files += [file for _, found in _of_folder(folder) for file in found]
        if not files:
            raise UsageError(f"{text}: matches no result file; check the pattern")
        return [("", list(dict.fromkeys(files)))]
    return [("", [path])]  # reading it says what is wrong


def _of_folder(folder: Path) -> list[tuple[str, list[Path]]]:
    try:
        own = sorted(path for path in folder.glob("*.json") if path.is_file())
        machines = sorted({path.parent for path in folder.glob("*/*.json")})
        if own:
            return [("", own)]
        # The folders beside a machine's runs hold comparisons and self-tests.
        found = [(each.name, sorted(each.glob("*.json"))) for each in machines]
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ResultFileError(
            str(folder), f"cannot be read ({problem})", "check the path"
        ) from None
    if not found:
        raise UsageError(f"{folder}: holds no result file; measure with pytest --benchmark-only")
    return found
