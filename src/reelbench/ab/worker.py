"""The process that a controller times: ``python -m reelbench.ab.worker RECEIVING,SENDING``.

Runs in the environment of one side. Rows of the catalogue and probes are served here; a user's own
tests are served by pytest, with the plugin's option ``--reel-serve``.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reelbench.wire import Case, Cases, Channel, Closed, Done, ProbeCase

if TYPE_CHECKING:
    from reelbench.measure.workload import Workload


def main() -> int:
    """Serve the cases that the controller names, one after the other."""
    receiving, sending = map(int, sys.argv[1].split(","))
    channel = Channel(receiving, sending)
    # Loading JAX takes seconds, and what it prints goes to standard error.
    from reelbench.measure import serving

    try:
        serving.greet(channel)
        message = channel.receive()
        if not isinstance(message, Cases):
            return 1
        for case in message.cases:
            serving.serve(channel, case.name, lambda case=case: _workload(case))  # type: ignore[misc]
        channel.send(Done())
    except Closed:
        return 1
    return 0


def _workload(case: Case) -> Workload:
    if isinstance(case, ProbeCase):
        from reelbench.measure.probes import probe

        return probe(case.probe, case.turns)
    from reelbench import catalogue
    from reelbench.machine.backend import is_accelerator
    from reelbench.measure.axes import Axes
    from reelbench.measure.build import at_axes

    dtype = case.dtype or ("bfloat16" if is_accelerator() else "float32")
    return at_axes(catalogue.find(case.preset), Axes(case.pass_, dtype, case.batch))


if __name__ == "__main__":
    sys.exit(main())
