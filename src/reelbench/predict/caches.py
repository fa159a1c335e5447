"""What a layer takes amid a model, where others have run since and its caches hold their data.

Repeated alone, a small layer finds its parameters, its inputs and what its forward pass kept for
the backward pass in the caches. Amid a step most of that has to be fetched: parameters and what was
kept surely, as all other layers have run in between, the inputs hardly, as they were just written.
A call after the caches were emptied fetches parameters and inputs, and not what its own forward
pass has just kept. What it fetches too much and too little are about as many bytes, so it is taken
as it is.
"""

from __future__ import annotations

from reelbench.results.schema import Machine, Timing


def amid_a_model_s(level_s: float, timing: Timing, machine: Machine) -> float:
    """The time of a call between calls of other layers.

    Args:
        level_s: What it takes when repeated.
        timing: Its timing; where no call found the caches emptied, it is as when repeated.
        machine: Of the run. What an empty call takes longer with emptied caches is left out: in a
            step only one program is started.
    """
    if timing.cold_s is None:
        return level_s
    starting = (machine.cold_floor_s or 0.0) - (machine.floor_s or 0.0)
    longer = level_s * (timing.cold_s / timing.median_s - 1)
    # Nothing is faster for having to be fetched: below zero is noise.
    return level_s + max(longer - max(starting, 0.0), 0.0)
