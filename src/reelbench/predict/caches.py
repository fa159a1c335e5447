"""What a layer takes amid a model, where others have run since and its caches hold their data.

Repeated alone, a small layer finds everything in the caches: parameters, inputs, and what its
forward pass kept for the backward pass. With emptied caches it finds nothing that it has not made
in the same call. Amid a step it is between the two: the layer before has just written its inputs,
and in the backward pass the layer behind the gradient of its outputs; parameters and what was kept
have to be fetched, as all other layers have run since. Which share of the difference that is
depends on the layer and is not measured, so the middle is taken.
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
    longer = level_s * (timing.cold_s / timing.median_s - 1) - max(starting, 0.0)
    # Nothing is faster for having to be fetched: below zero is noise.
    return level_s + max(longer, 0.0) / 2
