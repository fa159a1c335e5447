"""What the user calls a side of a comparison, read from words: ``XLA_FLAGS=… python=.venv``."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from reelbench.ab.errors import SideError

HERE = "here"

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_KEYS = ("python", "commit", "case", "test")


@dataclass(frozen=True)
class Side:
    """One environment in which cases are measured.

    Attributes:
        words: What the user wrote.
        variables: Environment variables that are set; an empty value unsets.
        python: Interpreter, or folder of a virtual environment; this one by default.
        commit: Revision of the repository in the current folder; what lies there by default.
        case: Preset that stands in for those of ``--case`` on this side.
        test: Test that stands in for that of ``--test`` on this side.
    """

    words: str
    variables: dict[str, str] = field(default_factory=dict)
    python: str | None = None
    commit: str | None = None
    case: str | None = None
    test: str | None = None


def read_side(text: str) -> Side:
    """Read a side from its words, quoted as in a shell.

    Each word is ``NAME=VALUE`` for an environment variable (upper case), or one of ``python=``,
    ``commit=``, ``case=`` and ``test=``. ``here``, or nothing, is this environment as it is.

    Raises:
        SideError: A word is none of these.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SideError(f"side {text[:80]!r}: {error}; quote it as in a shell") from None
    given: dict[str, str] = {}
    variables: dict[str, str] = {}
    for word in words:
        if word == HERE:
            continue
        key, equals, value = word.partition("=")
        if equals and key in _KEYS:
            if not value or key in given:
                problem = "is empty" if not value else "is there twice"
                raise SideError(f"side {text[:80]!r}: {key}= {problem}")
            given[key] = value
        elif equals and _VARIABLE.fullmatch(key) and "\0" not in value:
            variables[key] = value
        else:
            raise SideError(
                f"side {text[:80]!r}: cannot read {word[:80]!r}; write NAME=VALUE for an "
                f"environment variable, or {', '.join(f'{each}=' for each in _KEYS)}, or {HERE}"
            )
    if "case" in given and "test" in given:
        raise SideError(f"side {text[:80]!r}: name a case or a test, not both")
    return Side(words=text.strip() or HERE, variables=variables, **given)


def interpreter(python: str) -> Path:
    """The interpreter that ``python=`` names: a file, or the one of a virtual environment's folder.

    Links are not followed: by its own name an interpreter finds its environment.

    Raises:
        SideError: There is none.
    """
    path = Path(python).expanduser()
    for candidate in (path / "bin" / "python", path):
        if candidate.is_file():
            return candidate.absolute()
    raise SideError(
        f"python={python}: is no interpreter and no virtual environment; check the path"
    )
