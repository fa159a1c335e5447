"""A whole self-test, and what it says about this machine."""

from __future__ import annotations

from reelbench.ab.errors import PairError
from reelbench.ab.session import Asked, Say, compare
from reelbench.measure import clock
from reelbench.results.noise import SelfTest
from reelbench.selftest.coverage import measure_coverage
from reelbench.selftest.judging import pair_spread, process_spread, smallest_in_ab
from reelbench.selftest.planted import PROBES


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
        smallest_visible=smallest_in_ab(spread, paired),
        coverage=coverage,
        wander=wander,
        paired=paired,
    )
