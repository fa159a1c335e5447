"""Layers of one machine on another: its efficiencies at the other's ceilings."""

from __future__ import annotations

from dataclasses import replace

from reelbench.predict.ceilings import Ceilings
from reelbench.predict.errors import RatesError
from reelbench.predict.parts import PartTime

ACROSS_SPREAD = 0.27
"""Standard deviation of the logarithm of a layer's efficiency from one CPU machine to another.

Learned from the one pair of machines of which files are kept, so it is not checked on others;
``reelbench validate results`` prints their errors.
"""


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
    """A part at the same efficiency on another machine.

    Raises:
        CeilingsError: The other machine has no ceiling of that dtype.
    """
    flops, least_bytes = part.work.model_flops, part.work.least_bytes
    scale = there.least(flops, least_bytes, dtype)[0] / here.least(flops, least_bytes, dtype)[0]
    return replace(part, seconds=part.seconds * scale)
