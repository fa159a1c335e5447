"""How much faster one run is than another, case by case and over all cases."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from reelbench.results.schema import CaseRecord, Identity, Timing


@dataclass(frozen=True)
class Ratio:
    """Speed of the new run relative to the base in one case: above 1 the new run is faster.

    Attributes:
        ratio: Median time of the base over that of the new run.
        low: Lower end of the ratio's interval.
        high: Upper end.
        confidence: Nominal coverage of the interval, the lower of the two runs'.
        base_share: Share of the base machine's own ceiling.
        new_share: Share of the new machine's own ceiling.
        program_differs: Whether the compiled programs have different hashes.
    """

    identity: Identity
    ratio: float
    low: float
    high: float
    confidence: float
    base_median_s: float
    new_median_s: float
    base_share: float | None
    new_share: float | None
    program_differs: bool


# Standard deviations on either side of the middle of a normal distribution that hold 95 % of it.
_TWO_SIDED_95 = 1.96


def ratio(
    base: CaseRecord,
    new: CaseRecord,
    spreads: tuple[float | None, float | None] = (None, None),
) -> Ratio:
    """The ratio of two records of one case, with an interval from both of theirs.

    The distances from the median to the ends, as logarithms, are added in quadrature: that is right
    for independent errors, which those of two runs are and those of two rounds are not. What a case
    takes also differs from process to process, which the rounds of a single one cannot show; a
    self-test of the machine can, and its spread is added for the runs that need it.

    Args:
        base: The record to compare with.
        new: The other record.
        spreads: How much the logarithm of a median differs between processes on the two machines
            (standard deviation), where a self-test measured it.
    """
    middle = base.timing.median_s / new.timing.median_s
    hidden = [
        _TWO_SIDED_95 * spread
        for record, spread in zip((base, new), spreads, strict=True)
        if spread is not None and single_process(record)
    ]
    down = math.hypot(_below(base.timing), _above(new.timing), *hidden)
    up = math.hypot(_above(base.timing), _below(new.timing), *hidden)
    return Ratio(
        identity=base.identity,
        ratio=middle,
        low=middle * math.exp(-down),
        high=middle * math.exp(up),
        confidence=min(base.timing.confidence, new.timing.confidence),
        base_median_s=base.timing.median_s,
        new_median_s=new.timing.median_s,
        base_share=base.rates.roofline_share,
        new_share=new.rates.roofline_share,
        program_differs=base.compilation.program_sha256 != new.compilation.program_sha256,
    )


def single_process(record: CaseRecord) -> bool:
    """Whether a record comes from one process alone."""
    return len({replicate.process for replicate in record.timing.replicates}) == 1


def geometric_mean(ratios: Iterable[float]) -> float | None:
    """The mean under which twice as fast and half as fast cancel; None of no ratios."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(math.fsum(logarithms) / len(logarithms)) if logarithms else None


def _below(timing: Timing) -> float:
    return math.log(timing.median_s / timing.low_s)


def _above(timing: Timing) -> float:
    return math.log(timing.high_s / timing.median_s)
