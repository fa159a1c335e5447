"""Which cases fit into the time there is: core cases first, then the cheapest."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass, replace

# A plain JAX layer reaches about a quarter of its roofline on a CPU (facts of the first runs; the
# slow tail, grouped convolutions, is caught when its first call is timed).
TYPICAL_SHARE = 0.25
# Building, compiling and checking a case, before its first call. On an accelerator libraries try
# their kernels meanwhile, and a profiler is asked: 9 to 13 s on an H200.
OVERHEAD_S, OVERHEAD_ON_ACCELERATOR_S = 4.0, 10.0
# What no case takes less than, also one that turns out not to fit; and cases that are begun in any
# case, as each says for itself then why it was left out.
_QUICKEST_S, _FEWEST = 0.25, 200
# Tracing it again, loading its program and making its inputs in a further process.
AGAIN_OVERHEAD_S = 1.5
VISITS = 3
"""How often one process times a case, a while apart (see `reelbench.stats.visits`): the first time
as long as was asked for, then a third of that."""
# Starting a further process: Python, JAX, collecting the tests.
START_S = 5.0
_WARMUP_CALLS = 3


@dataclass(frozen=True)
class Estimate:
    """What a case will cost.

    Attributes:
        name: The case's full name.
        core: Whether it is measured before the others.
        call_s: Time of one call, estimated from its roofline.
        total_s: Time of the whole case in all processes.
        again_s: What of it goes to processes after the first, or to visits after the first.
        turn: How many dtypes and batches of the same come before it: each gets its first before one
            gets its second.
    """

    name: str
    core: bool
    call_s: float
    total_s: float
    again_s: float = 0.0
    turn: int = 0

    @property
    def first_s(self) -> float:
        """Time of the case in the first visit of the first process."""
        return self.total_s - self.again_s


def estimate(
    name: str,
    *,
    core: bool,
    roofline_s: float,
    max_time_s: float,
    min_rounds: int,
    runs: int = 1,
    overhead_s: float = OVERHEAD_S,
    turn: int = 0,
) -> Estimate:
    """The cost of a case whose least call time is ``roofline_s``, in ``runs`` processes."""
    call = roofline_s / TYPICAL_SHARE
    rounds = max(max_time_s, (min_rounds + _WARMUP_CALLS) * call)
    if runs > 1:
        again = (runs - 1) * (AGAIN_OVERHEAD_S + rounds)
    else:
        again = (VISITS - 1) * max(max_time_s / VISITS, (-(-min_rounds // VISITS) + 1) * call)
    return Estimate(name, core, call, overhead_s + rounds + again, again, turn)


def in_order(estimates: Iterable[Estimate], last: Collection[str] = ()) -> list[Estimate]:
    """Core cases first, by turns, cheapest first; then those that are to come last, likewise."""
    return sorted(
        estimates, key=lambda each: (each.name in last, not each.core, each.turn, each.total_s)
    )


def out_of_reach(ordered: Sequence[Estimate], budget_s: float) -> list[str]:
    """Names of cases that the time cannot come to, however quick those before them are."""
    return [each.name for each in ordered[max(int(budget_s / _QUICKEST_S), _FEWEST) :]]


class Queue:
    """Says again and again what fits into the time left, of what may be thousands of cases.

    Core cases are taken first, the cheapest first in either group.
    """

    def __init__(self, estimates: Iterable[Estimate]) -> None:
        ordered = sorted(estimates, key=lambda each: each.total_s)
        self._groups = [
            [each for each in ordered if each.core],
            [each for each in ordered if not each.core],
        ]

    def fitting(self, ended: Container[str], pace: float, budget_s: float) -> list[Estimate]:
        """The cases not ended that fit, with what they will take.

        Args:
            ended: Names of those that need nothing more.
            pace: What a first visit takes over what it was estimated to take.
            budget_s: Time for all.
        """
        fits, left = [], budget_s
        for group in self._groups:
            # What is behind the first that does not fit is no cheaper.
            for each in group:
                if each.name in ended:
                    continue
                total_s = pace * each.first_s + each.again_s
                if total_s > left:
                    break
                left -= total_s
                fits.append(replace(each, total_s=total_s))
        return fits
