"""Two runs side by side: what differs between the machines, and how the times relate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reelbench.compare.cases import Matching, match
from reelbench.compare.facts import Differences, differences
from reelbench.compare.ratios import Ratio, geometric_mean, ratio
from reelbench.results.schema import Machine, Results

__all__ = ["Comparison", "Mode", "compare"]

Mode = Literal["regression", "software", "hardware", "unknown"]


@dataclass(frozen=True)
class Comparison:
    """Everything that a comparison of two runs says; plain data.

    Attributes:
        mode: ``regression``: same machine, limits and software. ``software``: same machine and
            limits, other software. ``hardware``: another machine, or other limits on it.
            ``unknown``: a run does not say what it ran on.
        facts: What differs between the machines; None in ``unknown`` mode.
        matching: Which cases were compared, set apart or missing.
        ratios: Of the cases that were compared, the largest change first.
        mean: Geometric mean of the ratios; None where nothing was compared.
        processes: The fewest processes that any compared case was measured in.
        same_run: Whether both are one and the same run.
        foreign: Benchmarks without a record of ours, in base and new.
        spreads: Spread between processes on the machine of base and of new, where a self-test
            measured it; part of the intervals of what was measured in one process.
    """

    mode: Mode
    facts: Differences | None
    matching: Matching
    ratios: tuple[Ratio, ...]
    mean: float | None
    processes: int
    same_run: bool
    foreign: tuple[int, int]
    spreads: tuple[float | None, float | None] = (None, None)


def compare(
    base: Results, new: Results, spreads: tuple[float | None, float | None] = (None, None)
) -> Comparison:
    """Compare two runs; nothing unlike is compared and nothing is left out in silence.

    Args:
        base: The run to compare with.
        new: The run whose speed relative to it is wanted.
        spreads: Spread between processes on their machines (standard deviation of the logarithm of
            a median), where a self-test measured it.
    """
    machines = base.machine_info.reelbench, new.machine_info.reelbench
    facts = differences(machines[0], machines[1]) if machines[0] and machines[1] else None
    matching = match(base, new)
    ratios = [ratio(one, other, spreads) for one, other in matching.alike]
    ratios.sort(key=lambda row: max(row.ratio, 1 / row.ratio), reverse=True)
    records = [record for pair in matching.alike for record in pair]
    return Comparison(
        mode=_mode(*machines, facts),
        facts=facts,
        matching=matching,
        ratios=tuple(ratios),
        mean=geometric_mean(row.ratio for row in ratios),
        processes=min((len({r.process for r in x.timing.replicates}) for x in records), default=0),
        same_run=bool(
            base.reelbench and new.reelbench and base.reelbench.run_id == new.reelbench.run_id
        ),
        foreign=(
            len(base.benchmarks) - len(base.records),
            len(new.benchmarks) - len(new.records),
        ),
        spreads=spreads,
    )


def _mode(base: Machine | None, new: Machine | None, facts: Differences | None) -> Mode:
    if base is None or new is None or facts is None:
        return "unknown"
    if base.id != new.id or facts.of_kind("hardware", "limit"):
        return "hardware"
    return "software" if facts.of_kind("software") else "regression"
