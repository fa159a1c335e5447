"""The least that a call of each case takes, before any case is begun."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from reelbench.catalogue.counted import Count
from reelbench.measure import compiling
from reelbench.measure.roofline import roofline
from reelbench.measure.workload import Workload
from reelbench.results.schema import Ceiling

Work = Callable[[], Workload] | tuple[Count, str] | None
"""Of a case: count and dtype where recorded; else what builds its workload, one for all cases of
the same work; None where only running the test tells."""


def traced_until(works: Mapping[str, Work], until: float) -> dict[str, compiling.Traced]:
    """Trace what nobody recorded, the same work once, until a time of the monotonic clock."""
    made: dict[Work, compiling.Traced | None] = {}
    found = {}
    for name, work in works.items():
        if not callable(work):
            continue
        if work not in made and time.monotonic() < until:
            made[work] = _traced(work)
        if traced := made.get(work):
            found[name] = traced
    return found


def least_seconds(
    work: Work, traced: compiling.Traced | None, ceilings: Sequence[Ceiling]
) -> float:
    """Time of a call by its roofline; 0 of work that is neither recorded nor traced."""
    if traced is not None:
        amounts = traced.model_flops, traced.least_bytes, traced.workload.identity.dtype
    elif isinstance(work, tuple):
        count, dtype = work
        amounts = count.model_flops, count.least_bytes, dtype
    else:
        return 0.0
    least = roofline(*amounts, ceilings)
    return least.seconds if least else 0.0


def _traced(make: Callable[[], Workload]) -> compiling.Traced | None:
    try:
        return compiling.trace(make())
    except Exception:  # told, with its traceback, when the case's turn comes
        return None
