"""Names of cases, as users write them: a preset, or a preset and a pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reelbench.catalogue import UnknownNameError
from reelbench.results.schema import Identity

# A file of somebody else may hold any number of names of any length.
_LONGEST, _MOST = 200, 2000


def names_of(identity: Identity) -> tuple[str, str]:
    """What a case goes by."""
    return identity.preset, f"{identity.preset}/{identity.pass_}"


def suggested(names: Iterable[str]) -> tuple[str, ...]:
    """The names among which the nearest to a wrong one is looked for, the shortest first."""
    short = {name for name in names if len(name) <= _LONGEST}
    return tuple(sorted(short, key=lambda name: (len(name), name))[:_MOST])


def chosen(wanted: Sequence[str], identities: Iterable[Identity]) -> set[Identity]:
    """The identities that go by one of the names; all where none is wanted.

    Raises:
        UnknownNameError: A name is nobody's.
    """
    every = set(identities)
    if not wanted:
        return every
    known = {name for identity in every for name in names_of(identity)}
    for name in wanted:
        if name not in known:
            raise UnknownNameError("case", name, suggested(known))
    return {identity for identity in every if set(names_of(identity)) & set(wanted)}
