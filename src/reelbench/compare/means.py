"""The mean of many ratios: over all cases, and over each family of layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from reelbench.compare.ratios import Ratio
from reelbench.stats.verdict import Verdict

Weighting = Literal["case", "family"]


@dataclass(frozen=True)
class Mean:
    """A geometric mean: twice as fast and half as fast cancel.

    Attributes:
        name: Of the family; empty for all.
        ratio: The mean speed.
        low: Lower end of its interval.
        high: Upper end.
        cases: How many ratios went into it.
        weight: What the family counts in the mean of all, as a share.
        verdicts: How many of the cases got which verdict.
    """

    name: str
    ratio: float
    low: float
    high: float
    cases: int
    weight: float
    verdicts: dict[Verdict, int]


def means(ratios: Sequence[Ratio], weighting: Weighting = "case") -> tuple[Mean | None, list[Mean]]:
    """The mean of all ratios and of each family, the families in the order of their names.

    The cases of a run were timed in the same processes on the same afternoon and may all be wrong
    together. The 95 % interval is therefore that of cases whose errors are the same, not
    independent: the mean of the lower ends to the mean of the upper ends.

    Args:
        ratios: The ratios of the cases.
        weighting: ``case``: every case counts the same; ``family``: every family does.
    """
    if not ratios:
        return None, []
    families: dict[str, list[Ratio]] = {}
    for row in ratios:
        families.setdefault(row.identity.family, []).append(row)
    count = {name: len(rows) for name, rows in families.items()}
    share = {
        name: 1 / len(families) if weighting == "family" else count[name] / len(ratios)
        for name in families
    }
    weights = [share[row.identity.family] / count[row.identity.family] for row in ratios]
    every = _mean("", ratios, weights, 1.0)
    parts = [
        _mean(name, rows, [1 / len(rows)] * len(rows), share[name])
        for name, rows in sorted(families.items())
    ]
    return every, parts


def _mean(name: str, ratios: Sequence[Ratio], weights: Sequence[float], weight: float) -> Mean:
    def over(values: Iterable[float]) -> float:
        logs = map(math.log, values)
        return math.exp(math.fsum(w * each for w, each in zip(weights, logs, strict=True)))

    said = [row.verdict for row in ratios]
    return Mean(
        name=name,
        ratio=over(row.ratio for row in ratios),
        low=over(row.usual[0] for row in ratios),
        high=over(row.usual[1] for row in ratios),
        cases=len(ratios),
        weight=weight,
        verdicts={verdict: said.count(verdict) for verdict in Verdict if verdict in said},
    )
