"""What the pairs of a self-test say of the machine, and whether their verdicts are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import structs

from reelbench.results.noise import SelfTest
from reelbench.results.pairs import LETTERS, Compared, PairedRun
from reelbench.stats.verdict import smallest_visible

POWER = 0.95


def rejudged(test: SelfTest) -> SelfTest:
    """A stored self-test with what its pairs, if it has any, say by today's rules."""
    if all(case.spread is None for case in test.paired.cases):
        return test
    spread = pair_spread(test.paired.cases)
    return structs.replace(
        test, pair_spread=spread, smallest_visible=smallest_in_ab(spread, test.paired)
    )


def smallest_in_ab(spread: float, test: PairedRun) -> float:
    """The smallest slowdown that `reelbench ab` of one case finds 95 times in 100, a logarithm.

    Args:
        spread: Standard deviation of pairs.
        test: The run that tells how many pairs and which threshold.
    """
    return smallest_visible(spread, test.largest_pairs, power=POWER, threshold=test.threshold)


def pair_spread(cases: Sequence[Compared]) -> float:
    """Standard deviation of the differences of pairs, of the probe where it is largest.

    Probes differ in it by five times, and so do layers: what is said to be seen must be seen in any
    of them. Of each probe it is the median over its comparisons.
    """
    spreads: dict[str, list[float]] = {}
    for case in cases:
        if case.spread is not None:
            spreads.setdefault(case.a_name, []).append(case.spread)
    return max((float(np.median(each)) for each in spreads.values()), default=0.0)


def process_spread(cases: Sequence[Compared]) -> float:
    """Median over cases and sides of how much a process's median differs from the next one's."""
    spreads = []
    for case in cases:
        for letter in LETTERS:
            logs = [
                np.log(np.median([getattr(block, f"{letter}_median_s") for block in pair.blocks]))
                for pair in case.pairs
            ]
            if len(logs) > 1:
                spreads.append(float(np.std(logs, ddof=1)))
    return float(np.median(spreads)) if spreads else 0.0


def is_right(case: Compared, test: PairedRun) -> bool | None:
    """Whether the verdict on a planted slowdown is right; None where it was rightly left open.

    A slowdown that this machine can see with the pairs that were measured must be called slower, no
    slowdown must not; ``unchanged`` is wrong about anything at the threshold or beyond, which every
    planted slowdown is.

    Args:
        case: The comparison.
        test: The run that it is of, whose noisiest probe tells what can be seen.
    """
    if case.verdict is None or case.planted is None:
        return None
    if case.planted == 0:
        return case.verdict in ("unchanged", "undecided")
    if case.verdict == "slower":
        return True
    if case.verdict == "undecided":
        # Fewer pairs than were asked for, where time was up.
        smallest = smallest_visible(
            pair_spread(test.cases),
            max(len(case.pairs), 2),
            power=POWER,
            threshold=test.threshold,
            largest=test.largest_pairs,
            cases=len(test.cases),
        )
        return False if case.planted >= smallest else None
    return False


def false_alarms(runs: Sequence[PairedRun]) -> tuple[int, int]:
    """How many comparisons of like with like were called different, and how many there were."""
    alike = [case for run in runs for case in run.cases if case.planted == 0 and case.verdict]
    return sum(case.verdict in ("faster", "slower") for case in alike), len(alike)
