"""A whole self-test, and what it says about this machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reelbench.ab.errors import PairError
from reelbench.ab.session import Asked, Say, compare
from reelbench.measure import clock
from reelbench.results.noise import SelfTest
from reelbench.results.pairs import LETTERS, Compared, PairedRun
from reelbench.selftest.coverage import measure_coverage
from reelbench.selftest.planted import PROBES
from reelbench.stats.verdict import smallest_visible

POWER = 0.95


def run_selftest(asked: Asked, say: Say) -> SelfTest:
    """Measure the harness itself, then single processes, then pairs.

    Raises:
        PairError: A process does not start, or the budget ends before there are two pairs, which
            would say that this machine sees everything.
    """
    say("an empty call, and what the harness adds to a call")
    empty, overhead = clock.empty_call_s(), clock.overhead_s()
    say("intervals of single processes against a long series")
    coverage, wander = measure_coverage(PROBES)
    paired = compare(asked, say)
    if not any(len(case.pairs) > 1 for case in paired.cases):
        raise PairError("the budget ended before two pairs were measured; give a longer --budget")
    spread = pair_spread(paired.cases)
    return SelfTest(
        empty_call_s=empty,
        overhead_s=overhead,
        process_spread=process_spread(paired.cases),
        pair_spread=spread,
        smallest_visible=smallest_visible(
            spread, asked.pairs, power=POWER, threshold=asked.threshold
        ),
        coverage=coverage,
        wander=wander,
        paired=paired,
    )


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
