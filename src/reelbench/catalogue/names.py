"""Names that users type: the error that says which right name was meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name most like ``name``, or None when nothing is alike."""
    folded = {candidate.casefold(): candidate for candidate in known}
    found = difflib.get_close_matches(name.casefold()[:200], list(folded), n=1, cutoff=0.4)
    return folded[found[0]] if found else None


class UnknownNameError(LookupError):
    """A name that is not in a list, with the nearest one that is.

    Args:
        kind: What the name is of, such as "preset".
        name: What was typed.
        known: The right names.
    """

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        guess = nearest(name, known)
        advice = f"did you mean {guess!r}?" if guess else f"known: {', '.join(known[:8])}"
        super().__init__(f"unknown {kind} {name[:200]!r}; {advice}")
        self.name = name
        self.guess = guess
