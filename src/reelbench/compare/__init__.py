"""Two sides, each of one run or of many: what differs between them, and how the times relate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reelbench.compare.cases import Matching, match
from reelbench.compare.facts import Differences, differences
from reelbench.compare.implementations import best_of_each
from reelbench.compare.means import Mean, Weighting, means
from reelbench.compare.ratios import Background, Ratio, priors_of, ratio
from reelbench.compare.sides import Side
from reelbench.stats.verdict import Verdict

__all__ = ["DEFAULT_THRESHOLD", "Comparison", "Mode", "compare"]

Mode = Literal["regression", "software", "hardware", "unknown"]

DEFAULT_THRESHOLD = 0.03

JUDGED: tuple[Mode, ...] = ("regression", "software")
"""Where a verdict makes sense: the same machine with the same limits."""


@dataclass(frozen=True)
class Comparison:
    """Everything that a comparison of two sides says; plain data.

    Attributes:
        base: The side that is compared with.
        new: The side whose speed relative to it is wanted.
        mode: ``regression``: same machine, limits and software. ``software``: same machine and
            limits, other software. ``hardware``: another machine, or other limits on it.
            ``unknown``: a side does not say what it ran on.
        facts: What differs between the machines; None where a side says nothing of its machine.
        matching: Which cases were compared, set apart or missing.
        ratios: Of the cases that were compared, those with the most evidence of a change first.
        mean: Over all ratios; None where nothing was compared.
        families: The same for each family.
        best: The best implementation of each side, where there are several.
        threshold: The difference that does not matter to a verdict.
        same_run: Whether the sides share a run.
    """

    base: Side
    new: Side
    mode: Mode
    facts: Differences | None
    matching: Matching
    ratios: tuple[Ratio, ...]
    mean: Mean | None
    families: tuple[Mean, ...]
    best: tuple[Ratio, ...]
    threshold: float
    same_run: bool

    def count(self, verdict: Verdict) -> int:
        """How many cases got a verdict."""
        return self.mean.verdicts.get(verdict, 0) if self.mean else 0

    @property
    def processes(self) -> int:
        """The fewest processes that a side of any compared case was measured in."""
        return min(
            (side.processes for row in self.ratios for side in (row.base, row.new)), default=0
        )

    @property
    def fewest_runs(self) -> int:
        """The fewest runs that a side of any compared case comes from."""
        return min((side.runs for row in self.ratios for side in (row.base, row.new)), default=0)


def compare(
    base: Side,
    new: Side,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    weighting: Weighting = "case",
) -> Comparison:
    """Compare two sides; nothing unlike is compared and nothing is left out in silence.

    Args:
        base: The side to compare with.
        new: The side whose speed relative to it is wanted.
        threshold: The difference that does not matter to a verdict, as a share.
        weighting: What counts the same in the mean over all.
    """
    facts = (
        differences(base.facts, new.facts)
        if base.facts is not None and new.facts is not None
        else None
    )
    mode = _mode(base, new, facts)
    matching = match(base, new)
    backgrounds = (
        Background(base.noise, priors_of(alike.base for alike in matching.alike)),
        Background(new.noise, priors_of(alike.new for alike in matching.alike)),
    )
    judged = threshold if mode in JUDGED else None
    count = len(matching.alike)
    ratios = [ratio(alike, backgrounds, cases=count, threshold=judged) for alike in matching.alike]
    ratios.sort(key=_first_read)
    mean, families = means(ratios, weighting)
    runs = [{each for run in side.runs for each in run.run_ids} for side in (base, new)]
    return Comparison(
        base=base,
        new=new,
        mode=mode,
        facts=facts,
        matching=matching,
        ratios=tuple(ratios),
        mean=mean,
        families=tuple(families),
        best=tuple(best_of_each(base, new, backgrounds)),
        threshold=threshold,
        same_run=bool(runs[0] & runs[1]),
    )


_ORDER = (Verdict.SLOWER, Verdict.FASTER, Verdict.UNDECIDED, Verdict.UNCHANGED, None)


def _first_read(row: Ratio) -> tuple[int, float, float]:
    """Sorts by verdict, then by evidence, then by the size of the change."""
    return _ORDER.index(row.verdict), -row.evidence, -max(row.ratio, 1 / row.ratio)


def _mode(base: Side, new: Side, facts: Differences | None) -> Mode:
    machines = base.newest.machine, new.newest.machine
    if facts is None or None in machines:
        return "unknown"
    if machines[0] != machines[1] or facts.of_kind("hardware", "limit"):
        return "hardware"
    return "software" if facts.of_kind("software") else "regression"
