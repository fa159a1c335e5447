"""A gate: whether nothing became slower by so much, as far as that is decided."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from reelbench.compare import JUDGED, Comparison
from reelbench.results.schema import Identity
from reelbench.stats.unpaired import Reason
from reelbench.stats.verdict import Verdict
from reelbench.units import print_change, print_share

_MOST_NAMED = 3


class State(Enum):
    """What a gate says."""

    PASSED = "passed"
    OPEN = "not decided"
    FAILED = "failed"

    @property
    def severity(self) -> int:
        """Orders them: one that failed decides over one that is open."""
        return list(State).index(self)

    @property
    def code(self) -> int:
        """The exit code."""
        return {State.PASSED: 0, State.OPEN: 3, State.FAILED: 1}[self]


@dataclass(frozen=True)
class Gated:
    """What a gate says, and a line for each case that keeps it from passing, the worst first."""

    state: State
    lines: tuple[str, ...]


def gate(comparison: Comparison, slower: float, allowed: Collection[str] = ()) -> Gated:
    """Judge a comparison.

    A case fails it that is shown slower by the bound or more, and one that the new side lacks,
    unless it is allowed by name. A case leaves it open whose interval reaches beyond the bound,
    and one that is unlike. Between different machines nothing is decided.

    Args:
        comparison: The comparison.
        slower: The bound, such as 0.03 for 3 %.
        allowed: Presets, or ``preset/pass``, that may be missing.
    """
    found: list[tuple[State, str]] = []
    undecided: dict[str, list[str]] = {}
    if comparison.mode not in JUDGED:
        what = "the machines differ" if comparison.mode == "hardware" else "a machine is unknown"
        found.append((State.OPEN, f"{what}: a gate needs runs of one machine"))
    bound = math.log1p(slower)
    for row in comparison.ratios:
        change, most = -math.log(row.ratio), -math.log(row.low)
        if row.verdict is Verdict.SLOWER and change >= bound:
            found.append((State.FAILED, f"{_name(row.identity)}: slower by {print_change(change)}"))
        elif row.reason in (None, Reason.ONE_PROCESS):
            why = row.reason.value if row.reason else "not runs of one machine"
            undecided.setdefault(why, []).append(_name(row.identity))
        elif most >= bound:
            line = f"{_name(row.identity)}: may be slower by up to {print_change(most)}"
            found.append((State.OPEN, line))
    for why, names in undecided.items():
        found.append((State.OPEN, f"{_listed(names)}: not decided ({why})"))
    for unlike in comparison.matching.unlike:
        fields = ", ".join(field.name for field in unlike.fields)
        found.append((State.OPEN, f"{_name(unlike.base)}: unlike, differs in {fields}"))
    for missing in comparison.matching.missing:
        if missing.absent_from == "new" and not _is_allowed(missing.identity, allowed):
            line = f"{_name(missing.identity)}: missing from {comparison.new.label}"
            found.append((State.FAILED, f"{line} ({missing.reason})"))
    if not comparison.ratios and not found:
        found.append((State.OPEN, "nothing was compared"))
    found.sort(key=lambda each: -each[0].severity)
    state = found[0][0] if found else State.PASSED
    lines = [line for _, line in found]
    if lines:
        lines.insert(0, f"gate --fail-slower {print_share(slower)}: {state.value}")
    return Gated(state, tuple(lines))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _name(identity: Identity) -> str:
    return f"{identity.preset} {identity.pass_}".rstrip()


def _is_allowed(identity: Identity, allowed: Collection[str]) -> bool:
    return bool({identity.preset, f"{identity.preset}/{identity.pass_}"} & set(allowed))
