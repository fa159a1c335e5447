"""Which cases of two sides belong together, which look alike but are not, and which are missing.

A case of one side is compared with the case of the other that has the same identity, the same
benchmark version, clock and protocol, and the same program – or another program and a reason for
it. Cases of the same layer, preset and pass that differ in anything else are unlike: they are set
apart with the fields that differ. Every case ends in exactly one of the lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Literal

import msgspec

from reelbench.compare.sides import Pool, Side, pools_of
from reelbench.machine.fields import FIELDS
from reelbench.results.schema import Identity

Which = Literal["base", "new"]
Pairs = list[tuple[Pool, Pool]]

# What may differ between cases of one name, the most telling last: of several candidates a case is
# set against the one that differs in the least telling field.
_FIELDS = ("precision", "implementation", "batch", "dtype", "mesh")

# What decides which program JAX makes of the same code.
_PROGRAM_FACTS = (
    "backend", "accelerator", "accelerator_driver", "backend_version", "jax", "jaxlib", "flax",
    "optax", "numpy", "python", "x64", "matmul_precision", "xla_flags", "environment",
    "architecture", "system",
)  # fmt: skip


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
    """A case that one side has and the other has not.

    Attributes:
        absent_from: The side that lacks it.
        reason: What became of it there, where that side says so.
    """

    identity: Identity
    absent_from: Which
    reason: str


@dataclass(frozen=True)
class Alike:
    """Two pools of one case.

    Attributes:
        program_reason: Labels of the facts by which their compiled programs may differ; empty
            where the programs are the same or unknown.
    """

    base: Pool
    new: Pool
    program_reason: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matching:
    """All cases of two sides, each once.

    Attributes:
        neither: How many were planned and timed on no side.
        older: How many readings of other code under the same name were left out on either side.
    """

    alike: tuple[Alike, ...]
    unlike: tuple[Unlike, ...]
    missing: tuple[Missing, ...]
    neither: int
    older: tuple[int, int] = (0, 0)


def match(base: Side, new: Side) -> Matching:
    """Sort the cases of two sides into alike, unlike and missing."""
    left, right = pools_of(base), pools_of(new)
    older = [sum(pool.older for pool in pools) for pools in (left, right)]
    # Tests of one name in two files have equal identities; their code tells them apart.
    pairs, left, right = _pair(left, right, lambda pool: (pool.identity, _code(pool)))
    left, right = _current(base, left, older, 0), _current(new, right, older, 1)
    found, left, right = _pair(left, right, lambda pool: pool.identity)
    pairs += found
    for left_out in _FIELDS:
        found, left, right = _pair(left, right, _key_without(left_out))
        pairs += found
    found, left, right = _pair(left, right, lambda pool: _name(pool.identity))
    pairs += found

    reasons = _program_reasons(base, new)
    alike: list[Alike] = []
    unlike: list[Unlike] = []
    for one, other in pairs:
        differs = one.newest.program != other.newest.program
        if fields := _unlike_fields(one, other, (base, new), reasons):
            unlike.append(Unlike(one.identity, other.identity, fields))
        else:
            alike.append(Alike(one, other, (reasons or ()) if differs else ()))
    said = base.unmeasured, new.unmeasured
    missing = [*_missing(left, "new", said[1]), *_missing(right, "base", said[0])]
    measured = {
        reading.identity for side in (base, new) for run in side.runs for reading in run.readings
    }
    planned = said[0].keys() | said[1].keys()
    return Matching(
        tuple(alike),
        tuple(unlike),
        tuple(missing),
        len(planned - measured),
        (older[0], older[1]),
    )


def _code(pool: Pool) -> tuple[str, str, bool]:
    return pool.newest.version, pool.newest.clock, pool.is_timed


def _current(side: Side, pools: Iterable[Pool], older: list[int], place: int) -> list[Pool]:
    """The pools that the newest run still has, or that no other run of the side has replaced."""
    latest: dict[Identity, int] = {}
    where: dict[int, int] = {}
    for number, run in enumerate(side.runs):
        for reading in run.readings:
            latest[reading.identity] = where[id(reading)] = number
    kept = []
    for pool in pools:
        if where[id(pool.newest)] == latest[pool.identity]:
            kept.append(pool)
        else:
            older[place] += len(pool.readings)
    return kept


def _pair(
    left: Iterable[Pool], right: Iterable[Pool], key: Callable[[Pool], Hashable]
) -> tuple[Pairs, list[Pool], list[Pool]]:
    """Pair pools of equal key in file order; also return what is left on either side."""
    waiting: defaultdict[Hashable, list[Pool]] = defaultdict(list)
    for pool in reversed(list(right)):
        waiting[key(pool)].append(pool)
    pairs: Pairs = []
    alone: list[Pool] = []
    for pool in left:
        candidates = waiting[key(pool)]
        if candidates:
            pairs.append((pool, candidates.pop()))
        else:
            alone.append(pool)
    return pairs, alone, [pool for rest in waiting.values() for pool in reversed(rest)]


def _name(identity: Identity) -> Hashable:
    return (identity.family, identity.layer, identity.preset, identity.pass_)


def _key_without(field: str) -> Callable[[Pool], Hashable]:
    return lambda pool: msgspec.structs.replace(pool.identity, **{field: None})


def _program_reasons(base: Side, new: Side) -> tuple[str, ...] | None:
    """Labels of the facts that may make another program; None where a side knows none."""
    if base.facts is None or new.facts is None:
        return None
    return tuple(
        FIELDS[name].label for name in _PROGRAM_FACTS if base.facts.get(name) != new.facts.get(name)
    )


def _unlike_fields(
    base: Pool, new: Pool, sides: tuple[Side, Side], reasons: tuple[str, ...] | None
) -> tuple[UnlikeField, ...]:
    one, other = base.newest, new.newest
    fields = [
        UnlikeField("protocol", *(_protocol(side) for side in sides)),
        UnlikeField("version", one.version, other.version),
        UnlikeField("clock", one.clock, other.clock),
    ]
    fields += [
        UnlikeField(name, str(getattr(one.identity, name)), str(getattr(other.identity, name)))
        for name in reversed(_FIELDS)
    ]
    fields = [field for field in fields if field.base != field.new]
    # Software that is the same makes the same program of the same code.
    if not fields and reasons == () and one.program != other.program:
        fields.append(UnlikeField("program", one.program, other.program))
    if not base.is_timed or not new.is_timed:
        fields.append(UnlikeField("outcome", one.outcome.value, other.outcome.value))
    return tuple(fields)


def _protocol(side: Side) -> str:
    protocol = side.newest.protocol
    return "unknown" if protocol is None else str(protocol)


def _missing(
    pools: Iterable[Pool], absent_from: Which, said: dict[Identity, str]
) -> Iterable[Missing]:
    for pool in pools:
        yield Missing(pool.identity, absent_from, said.get(pool.identity, "not in the file"))
