"""What disturbs or changes measuring on a machine, and what to do: the most important first."""

from __future__ import annotations

from reelbench.machine.advice import clocks, gpus, memory, processors, software
from reelbench.machine.advice.row import Advice, Seen, Severity

__all__ = ["Advice", "Seen", "Severity", "advice"]

# Within one severity, what comes first here comes first.
_ROOMS = (software, processors, gpus, memory, clocks)


def advice(seen: Seen) -> list[Advice]:
    """What to do before measuring, the most important first.

    Args:
        seen: What is known of the machine; what is unknown gives no advice.
    """
    found = [each for room in _ROOMS for each in room.advice(seen)]
    order = list(Severity)
    return sorted(found, key=lambda each: order.index(each.severity))
