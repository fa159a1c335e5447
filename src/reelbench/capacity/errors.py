"""What a scenario, or who asks of it, can get wrong: each message is one line for the user."""

from __future__ import annotations


class CapacityError(ValueError):
    """Something that cannot be planned."""


class ScenarioError(CapacityError):
    """A scenario file that cannot be read; the message names the file and the field."""

    def __init__(self, name: str, problem: str) -> None:
        self._parts = name, problem
        line = f"{name}: {problem if len(problem) <= 500 else problem[:500] + '…'}"
        super().__init__(
            "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
        )

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), self._parts
