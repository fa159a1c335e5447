"""From paired samples to a verdict: faster, slower, unchanged, or not decided yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import special

from reelbench.stats.sequential import critical

FEWEST_PAIRS = 6
"""No verdict on fewer: a case with two speeds, drawn anew by each process, shows one side five
times in a row in one of sixteen comparisons."""

FAMILY_ERROR = 0.05
"""Probability of a single false alarm among all the cases of a comparison."""

CASE_ERROR = 0.0075
"""Probability of a false alarm in one case; with many it is their part of FAMILY_ERROR. At this one
twelve pairs that spread by 1.4 % (two processes of 1 % each) find 2 % nine times in ten."""

_MOST_PAIRS = 1000


class Verdict(StrEnum):
    """What paired samples show of B against A."""

    FASTER = "faster"
    SLOWER = "slower"
    UNCHANGED = "unchanged"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Judgement:
    """What is known of one case.

    Attributes:
        verdict: The verdict.
        estimate: Mean of the logarithms of time B over time A; above 0, B is slower.
        low: Lower end of its interval, which holds however often was looked.
        high: Upper end.
        confidence: Its coverage.
        spread: Standard deviation of the pairs.
        pairs: How many.
        more_pairs: How many more pairs would decide, if these are typical; None when it is decided
            or when not even a thousand would.
    """

    verdict: Verdict
    estimate: float
    low: float
    high: float
    confidence: float
    spread: float
    pairs: int
    more_pairs: int | None


def error_of_case(cases: int) -> float:
    """The false-alarm probability of one case among ``cases`` (Bonferroni's inequality)."""
    return min(CASE_ERROR, FAMILY_ERROR / max(cases, 1))


def looks_up_to(pairs: int) -> tuple[int, ...]:
    """When to look: at each even number of pairs, so that as many began with A as with B."""
    return tuple(range(FEWEST_PAIRS, pairs + 1, 2))


def judge(ratios: Sequence[float], *, threshold: float, largest: int, cases: int = 1) -> Judgement:
    """Judge the pairs measured so far.

    ``unchanged`` is said only if the whole interval lies within the threshold, ``slower`` and
    ``faster`` only if the interval excludes no difference and the estimate is beyond the threshold.

    Args:
        ratios: One logarithm of time B over time A for each pair, in the order measured.
        threshold: The difference that does not matter, such as 0.01 for 1 %.
        largest: Pairs at which the comparison ends at the latest.
        cases: How many cases are compared together.

    Raises:
        ValueError: Fewer than two pairs, or a ratio that is not finite.
    """
    values = np.asarray(ratios, float)
    count = len(values)
    if count < 2 or not np.all(np.isfinite(values)):
        raise ValueError("a verdict takes at least two pairs of finite times")
    alpha = error_of_case(cases)
    looks = [*(look for look in looks_up_to(count) if look < count), count]
    estimate, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    half = critical(looks, max(largest, count), alpha) * spread / math.sqrt(count)
    verdict = _verdict(estimate, half, math.log1p(threshold)) if count >= FEWEST_PAIRS else None
    undecided = verdict in (None, Verdict.UNDECIDED)
    return Judgement(
        verdict=verdict or Verdict.UNDECIDED,
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        confidence=1 - alpha,
        spread=spread,
        pairs=count,
        more_pairs=_more(estimate, spread, count, math.log1p(threshold), alpha)
        if undecided
        else None,
    )


def smallest_visible(
    spread: float,
    pairs: int,
    *,
    power: float,
    threshold: float = 0.0,
    largest: int | None = None,
    cases: int = 1,
) -> float:
    """The smallest difference that so many pairs find with probability ``power``.

    Args:
        spread: Standard deviation of the pairs, as logarithms.
        pairs: How many there are in the end.
        power: Such as 0.95.
        threshold: The difference that does not matter; what lies below it is never found.
        largest: Pairs at which the comparison was to end; fewer were measured where time was up.
        cases: How many cases are compared together.

    Returns:
        A logarithm of a ratio.
    """
    largest = max(largest or pairs, pairs)
    bound = critical(looks_up_to(pairs) or (pairs,), largest, error_of_case(cases))
    # The noncentral t at which the bound is exceeded with the wanted probability.
    low, high = 0.0, bound + 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if 1 - special.nctdtr(pairs - 1, middle, bound) < power:
            low = middle
        else:
            high = middle
    error = spread / math.sqrt(pairs)
    # The estimate, too, has to lie beyond the threshold.
    return max(high * error, math.log1p(threshold) + float(special.ndtri(power)) * error)


def _verdict(estimate: float, half: float, threshold: float) -> Verdict:
    if abs(estimate) + half < threshold:
        return Verdict.UNCHANGED
    if abs(estimate) - half > 0 and abs(estimate) >= threshold:
        return Verdict.SLOWER if estimate > 0 else Verdict.FASTER
    return Verdict.UNDECIDED


def _more(estimate: float, spread: float, count: int, threshold: float, alpha: float) -> int | None:
    """Pairs that are missing until one look at all of them would decide, if these are typical."""
    first = max(count + 2 - count % 2, FEWEST_PAIRS)
    for pairs in range(first, _MOST_PAIRS + 1, 2):
        half = -float(special.stdtrit(pairs - 1, alpha / 2)) * spread / math.sqrt(pairs)
        if _verdict(estimate, half, threshold) is not Verdict.UNDECIDED:
            return pairs - count
    return None
