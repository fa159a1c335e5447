"""Which cases of two runs belong together, which look alike but are not, and which are missing.

A case of one run is compared with the case of the other that has the same identity. Cases of the
same layer, preset and pass that differ in anything else are unlike: they are set apart with the
fields that differ. Every case ends in exactly one of the three lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseOutcome, CaseRecord, Identity, Results

Side = Literal["base", "new"]
Pairs = list[tuple[CaseRecord, CaseRecord]]

# What may differ between cases of one name, the most telling last: of several candidates a case is
# set against the one that differs in the least telling field.
_FIELDS = ("precision", "implementation", "batch", "dtype", "mesh")


@dataclass(frozen=True)
class UnlikeField:
    """A field in which two cases of the same name differ, with its values."""

    name: str
    base: str
    new: str


@dataclass(frozen=True)
class Unlike:
    """Two cases of the same name that must not be compared, and why."""

    base: Identity
    new: Identity
    fields: tuple[UnlikeField, ...]


@dataclass(frozen=True)
class Missing:
    """A case that one run has and the other has not.

    Attributes:
        absent_from: The run that lacks it.
        reason: What became of it there, where that run says so.
    """

    identity: Identity
    absent_from: Side
    reason: str


@dataclass(frozen=True)
class Matching:
    """All cases of two runs, each once; ``neither`` counts those that no run measured."""

    alike: tuple[tuple[CaseRecord, CaseRecord], ...]
    unlike: tuple[Unlike, ...]
    missing: tuple[Missing, ...]
    neither: int


def match(base: Results, new: Results) -> Matching:
    """Sort the cases of two runs into alike, unlike and missing."""
    left, right = list(base.records), list(new.records)
    # Tests of one name in two files have equal identities; their code tells them apart.
    pairs, left, right = _pair(left, right, lambda record: (record.identity, record.version))
    found, left, right = _pair(left, right, lambda record: record.identity)
    pairs += found
    for left_out in _FIELDS:
        found, left, right = _pair(left, right, _key_without(left_out))
        pairs += found
    found, left, right = _pair(left, right, lambda record: _name(record.identity))
    pairs += found

    protocols = (_protocol(base), _protocol(new))
    alike: Pairs = []
    unlike: list[Unlike] = []
    for one, other in pairs:
        if fields := _unlike_fields(one, other, protocols):
            unlike.append(Unlike(one.identity, other.identity, fields))
        else:
            alike.append((one, other))
    missing = [*_missing(left, "new", new), *_missing(right, "base", base)]
    measured = {record.identity for record in (*base.records, *new.records)}
    planned = {case.identity for case in (*_outcomes(base), *_outcomes(new))}
    return Matching(tuple(alike), tuple(unlike), tuple(missing), len(planned - measured))


def _pair(
    left: Iterable[CaseRecord], right: Iterable[CaseRecord], key: Callable[[CaseRecord], Hashable]
) -> tuple[Pairs, list[CaseRecord], list[CaseRecord]]:
    """Pair records of equal key in file order; also return what is left on either side."""
    waiting: defaultdict[Hashable, list[CaseRecord]] = defaultdict(list)
    for record in reversed(list(right)):
        waiting[key(record)].append(record)
    pairs: Pairs = []
    alone: list[CaseRecord] = []
    for record in left:
        candidates = waiting[key(record)]
        if candidates:
            pairs.append((record, candidates.pop()))
        else:
            alone.append(record)
    return pairs, alone, [record for rest in waiting.values() for record in reversed(rest)]


def _name(identity: Identity) -> Hashable:
    return (identity.family, identity.layer, identity.preset, identity.pass_)


def _key_without(field: str) -> Callable[[CaseRecord], Hashable]:
    return lambda record: msgspec.structs.replace(record.identity, **{field: None})


def _unlike_fields(
    base: CaseRecord, new: CaseRecord, protocols: tuple[str, str]
) -> tuple[UnlikeField, ...]:
    fields = [
        UnlikeField("protocol", *protocols),
        UnlikeField("version", base.version, new.version),
    ]
    fields += [
        UnlikeField(name, str(getattr(base.identity, name)), str(getattr(new.identity, name)))
        for name in reversed(_FIELDS)
    ]
    fields = [field for field in fields if field.base != field.new]
    if base.outcome is not Outcome.OK or new.outcome is not Outcome.OK:
        fields.append(UnlikeField("outcome", base.outcome.value, new.outcome.value))
    return tuple(fields)


def _protocol(results: Results) -> str:
    return str(results.reelbench.protocol) if results.reelbench else "unknown"


def _missing(records: Iterable[CaseRecord], side: Side, results: Results) -> Iterable[Missing]:
    known = {case.identity: case for case in _outcomes(results)}
    for record in records:
        case = known.get(record.identity)
        reason = f"{case.outcome.value} {case.reason}".rstrip() if case else "not in the file"
        yield Missing(record.identity, side, reason)


def _outcomes(results: Results) -> list[CaseOutcome]:
    return results.reelbench.outcomes if results.reelbench else []
