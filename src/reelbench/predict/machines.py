"""Layers of one machine on another, by the ceilings of both."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log
from statistics import fmean

from reelbench.predict.ceilings import Ceilings
from reelbench.predict.errors import RatesError
from reelbench.predict.parts import PartTime

_ALIKE_SPREAD, _OTHER_MAKER_SPREAD = 0.27, 0.48
"""Standard deviation of the logarithm of what a layer takes on another CPU machine over what is
predicted of it, where one maker made both processors and where two did.

The former is learned from the first pair of machines of which files are kept, the latter from the
first of another maker; ``reelbench validate results`` prints how often intervals held between all.
"""


def across_spread(here: Ceilings, there: Ceilings) -> float:
    """The standard deviation of the logarithm of errors from one machine to another."""
    return _ALIKE_SPREAD if here.maker == there.maker else _OTHER_MAKER_SPREAD


def check_alike(here: Ceilings, there: Ceilings) -> None:
    """Refuse another kind of machine: nobody has shown that efficiencies carry over.

    Raises:
        RatesError: One is a CPU and the other an accelerator.
    """
    if here.backend != there.backend:
        raise RatesError(
            f"{there.source}: is a {there.backend}, {here.source} a {here.backend}; no measured "
            f"pair shows that efficiencies carry over between them: measure layers there, "
            "pytest --benchmark-only"
        )


def moved(part: PartTime, dtype: str, here: Ceilings, there: Ceilings) -> PartTime:
    """A part on another machine.

    Raises:
        CeilingsError: The other machine has no ceiling of that dtype.
    """
    work = part.work
    seconds = seconds_there(part.seconds, work.model_flops, work.least_bytes, dtype, here, there)
    return replace(part, seconds=seconds)


def seconds_there(
    seconds: float, flops: float, least_bytes: float, dtype: str, here: Ceilings, there: Ceilings
) -> float:
    """What was measured on one machine, as it would be on another.

    A layer at its ceiling goes with that ceiling. One far from it waits for what nobody measured
    apart, such as values in every cache between its operations, or arithmetic that keeps few of the
    units busy: it goes with the mean of all ceilings, in which the error of each weighs less, too.
    Between the two the square of the efficiency decides: the lower it is, the less of the time the
    ceiling can explain, and the less sure it is that it explains that.

    Args:
        seconds: As measured.
        flops: Model FLOPs.
        least_bytes: Bytes that must be moved at least.
        dtype: Dtype of the computation.
        here: Ceilings of the machine that measured it.
        there: Ceilings of the other.

    Raises:
        CeilingsError: One of them has no ceiling of that dtype.
    """
    least_here, least_there = (each.least(flops, least_bytes, dtype)[0] for each in (here, there))
    usual = _slower(here, there, dtype)
    if not least_here:
        return seconds * usual
    held = min(1.0, least_here / seconds) ** 2
    return seconds * (held * least_there / least_here + (1 - held) * usual)


def _slower(here: Ceilings, there: Ceilings, dtype: str) -> float:
    """How many times longer work takes there, by all ceilings: their geometric mean.

    Arithmetic counts as much as memory, of which each size of working set counts the same.
    """
    arithmetic = log(here.compute_rate(dtype) / there.compute_rate(dtype))
    sizes = here.memory.keys() & there.memory.keys()
    if not sizes:  # of one that was not swept only the best is known
        return exp((arithmetic + log(_best(here) / _best(there))) / 2)
    memory = fmean(log(here.memory[size] / there.memory[size]) for size in sizes)
    return exp((arithmetic + memory) / 2)


def _best(ceilings: Ceilings) -> float:
    return max(ceilings.memory.values())
