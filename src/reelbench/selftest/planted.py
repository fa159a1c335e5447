"""Same against same, and slowdowns planted as real work inside the compiled layer."""

from __future__ import annotations

import math

from reelbench.ab.session import Asked
from reelbench.ab.sides import HERE, read_side
from reelbench.wire import Case, ProbeCase

PROBES = ("residual", "spacetime", "feedforward")
TURNS = 100
PLANTED_TURNS = (0, 2, 3, 5)
"""More turns of B; a hundred are the whole, so they are per cent."""


def asked(pairs: int, threshold: float, budget_s: float | None) -> Asked:
    """The comparison of a self-test: each probe against itself, alike and slowed down.

    Both sides run the very same program, whose number of turns is an argument.
    """
    side = read_side(HERE)
    cases: list[tuple[Case, Case]] = []
    planted: list[float | None] = []
    for probe in PROBES:
        for more in PLANTED_TURNS:
            cases.append((ProbeCase(probe, TURNS), ProbeCase(probe, TURNS + more)))
            planted.append(math.log1p(more / TURNS))
    return Asked(
        side,
        side,
        cases=tuple(cases),
        planted=tuple(planted),
        pairs=pairs,
        threshold=threshold,
        budget_s=budget_s,
    )
