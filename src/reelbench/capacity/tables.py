"""The bytes of a scenario file become plain tables, or are refused; nothing in them is trusted."""

from __future__ import annotations

import math
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from reelbench.capacity.errors import ScenarioError

LARGEST_BYTES = 2**20
_DEEPEST = 12
_LONGEST_KEY = 80

Raw = dict[str, Any]


def decode(data: bytes, name: str) -> Raw:
    """TOML as plain tables.

    Raises:
        ScenarioError: It is too large, too deep, not UTF-8 or not TOML.
    """
    if len(data) > LARGEST_BYTES:
        raise ScenarioError(
            name, f"is longer than {LARGEST_BYTES:,} bytes; no scenario needs that many"
        )
    try:
        raw = tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise ScenarioError(name, "is not UTF-8 text; save it as UTF-8") from None
    except RecursionError:
        raise ScenarioError(name, "is nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError, and integers of too many digits
        raise ScenarioError(name, f"is not TOML: {error}") from None
    _check(raw, "", 0, name)
    return raw


def read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a scenario file.

    Raises:
        ScenarioError: It cannot be read, or is too large.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ScenarioError(name, "is no regular file; name a scenario file")
            return file.read(LARGEST_BYTES + 1)
    except ScenarioError:
        raise
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(name, f"cannot be read ({problem}); check the path") from None


def _check(value: Any, path: str, depth: int, name: str) -> None:
    if depth > _DEEPEST:
        raise ScenarioError(name, f"field `{path[:80]}…` is nested too deeply")
    if isinstance(value, dict):
        for key, each in value.items():
            if len(key) > _LONGEST_KEY or not key.isprintable():
                raise ScenarioError(
                    name,
                    f"a key of `{path or 'the file'}` is too long or does not "
                    "print; use short plain names",
                )
            _check(each, f"{path}.{key}" if path else key, depth + 1, name)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            _check(each, f"{path}[{place}]", depth + 1, name)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ScenarioError(name, f"field `{path}`: {value} is not a finite number")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise ScenarioError(name, f"field `{path}`: is an integer of more than 64 bits")
    elif isinstance(value, str) and not value.replace("\n", " ").replace("\t", " ").isprintable():
        raise ScenarioError(
            name, f"field `{path}`: holds characters that do not print; remove them"
        )
