"""Which cases fit into the time there is: core cases first, then the cheapest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

# A plain JAX layer reaches about a quarter of its roofline on a CPU (facts of the first runs; the
# slow tail, grouped convolutions, is caught when its first call is timed).
TYPICAL_SHARE = 0.25
# Building, compiling and checking a case, before its first call.
OVERHEAD_S = 4.0
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
    """

    name: str
    core: bool
    call_s: float
    total_s: float
    again_s: float = 0.0

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
) -> Estimate:
    """The cost of a case whose least call time is ``roofline_s``, in ``runs`` processes."""
    call = roofline_s / TYPICAL_SHARE
    rounds = max(max_time_s, (min_rounds + _WARMUP_CALLS) * call)
    if runs > 1:
        again = (runs - 1) * (AGAIN_OVERHEAD_S + rounds)
    else:
        again = (VISITS - 1) * max(max_time_s / VISITS, (-(-min_rounds // VISITS) + 1) * call)
    return Estimate(name, core, call, OVERHEAD_S + rounds + again, again)


def in_order(estimates: Iterable[Estimate], last: Collection[str] = ()) -> list[Estimate]:
    """Core cases first, cheapest first among both; then those that are to come last, likewise."""
    return sorted(estimates, key=lambda each: (each.name in last, not each.core, each.total_s))


def choose(estimates: Sequence[Estimate], budget_s: float) -> tuple[list[Estimate], list[Estimate]]:
    """Split cases into those that fit into the budget and those that do not.

    Core cases are taken first, cheapest first within each group; a case that does not fit does not
    keep a cheaper one out. Chosen cases keep the order they came in.
    """
    chosen: set[str] = set()
    left = budget_s
    for each in sorted(estimates, key=lambda e: (not e.core, e.total_s)):
        if each.total_s <= left:
            chosen.add(each.name)
            left -= each.total_s
    fits = [e for e in estimates if e.name in chosen]
    return fits, [e for e in estimates if e.name not in chosen]
