"""Whether the intervals of single processes hold what a long series of the same process says."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from reelbench.ab.errors import PairError
from reelbench.ab.launch import Launcher
from reelbench.ab.sides import HERE, read_side
from reelbench.results.noise import Coverage
from reelbench.stats.interval import median_interval
from reelbench.wire import Case, Cases, Closed, Hello, Late, Next, ProbeCase, Ready, Slot, Times

# Short calls, so that a second, which is what a case gets by default, holds hundreds of rounds.
_TURNS = 5
_STRETCH_S, _STRETCHES = 1.0, 40
_LIMIT_S = 300.0


def measure_coverage(probes: Sequence[str]) -> list[Coverage]:
    """Time each probe for thousands of rounds in a process of its own.

    Raises:
        PairError: The process does not start or ends.
    """
    with tempfile.TemporaryDirectory(prefix="reelbench-") as scratch, ExitStack() as stack:
        launcher = Launcher(read_side(HERE), Path(scratch), stack)
        return [
            coverage_of(probe, *_series(launcher, ProbeCase(probe, _TURNS))) for probe in probes
        ]


def coverage_of(probe: str, rounds_s: Sequence[float], stretch: int) -> Coverage:
    """Count how many stretches' intervals hold the median of the whole series."""
    reference = float(np.median(rounds_s))
    intervals = [
        median_interval(rounds_s[start : start + stretch])
        for start in range(0, len(rounds_s) - stretch + 1, stretch)
    ]
    return Coverage(
        probe=probe,
        rounds=len(rounds_s),
        stretch=stretch,
        stretches=len(intervals),
        covered=sum(each.low <= reference <= each.high for each in intervals),
        half_width=float(np.median([each.relative_half_width for each in intervals])),
    )


def _series(launcher: Launcher, case: Case) -> tuple[list[float], int]:
    """Times of the rounds, and how many rounds a stretch has."""
    process = launcher.start(["reelbench.ab.worker", "{channel}"])
    try:
        if isinstance(process.channel.receive(_LIMIT_S), Hello):
            process.channel.send(Cases([case]))
            ready = process.channel.receive(_LIMIT_S)
            if isinstance(ready, Ready):
                stretch = max(round(_STRETCH_S / ready.call_s), 6)
                slot = Slot(rounds=_STRETCHES * stretch, iterations=1, discarded=5)
                process.channel.send(slot)
                said = process.channel.receive(_LIMIT_S)
                if isinstance(said, Times):
                    process.channel.send(Next())
                    return said.rounds_s, stretch
        raise PairError(process.last_words())
    except (Closed, Late):
        raise PairError(process.last_words()) from None
    finally:
        process.kill()
