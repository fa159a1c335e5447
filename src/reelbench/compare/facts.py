"""What differs between the machines of two runs, stable facts before volatile ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reelbench.machine.fields import FIELDS, Kind
from reelbench.results.schema import Fact

_KINDS: tuple[Kind, ...] = ("hardware", "limit", "software", "volatile")


@dataclass(frozen=True)
class Difference:
    """A fact that is not the same on both sides; None where a side does not know it."""

    name: str
    base: Fact
    new: Fact

    @property
    def kind(self) -> Kind | None:
        """How stable the fact is; None for a fact of a newer version."""
        return FIELDS[self.name].kind if self.name in FIELDS else None


@dataclass(frozen=True)
class Differences:
    """The facts that differ, and how many do not."""

    rows: tuple[Difference, ...]
    equal: int

    def of_kind(self, *kinds: Kind) -> tuple[Difference, ...]:
        """The differing facts of these kinds."""
        return tuple(row for row in self.rows if row.kind in kinds)


def differences(base: Mapping[str, Fact], new: Mapping[str, Fact]) -> Differences:
    """Compare two machines fact by fact.

    Args:
        base: Facts of the first side.
        new: Facts of the second.
    """
    names = base.keys() | new.keys()
    known = [name for name in FIELDS if name in names]
    known.sort(key=lambda name: _KINDS.index(FIELDS[name].kind))
    unknown = sorted(name for name in names if name not in FIELDS)
    rows = tuple(
        Difference(name, base.get(name), new.get(name))
        for name in known + unknown
        if not _same(base.get(name), new.get(name))
    )
    return Differences(rows, len(names) - len(rows))


def _same(base: Fact, new: Fact) -> bool:
    """Whether the facts are equal; for Python, though for nobody else, True equals 1."""
    return base == new and isinstance(base, bool) == isinstance(new, bool)
