"""Whether the intervals of single processes hold what a long series of the same process says."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from reelbench.ab.errors import PairError
from reelbench.ab.launch import Launcher
from reelbench.ab.sides import HERE, read_side
from reelbench.results.noise import Coverage
from reelbench.stats.interval import Interval, median_interval
from reelbench.stats.wandering import wander, widened
from reelbench.wire import Case, Cases, Closed, Hello, Late, Next, ProbeCase, Ready, Slot, Times

# Short calls, so that a second, which is what a case gets by default, holds hundreds of rounds.
_TURNS = 5
_STRETCH_S, _STRETCHES = 1.0, 40
_LIMIT_S = 300.0


def measure_coverage(probes: Sequence[str]) -> tuple[list[Coverage], float]:
    """Time each probe for thousands of rounds in a process of its own.

    Returns:
        The coverage of each probe, and how far a second's median wanders.

    Raises:
        PairError: The process does not start or ends.
    """
    with tempfile.TemporaryDirectory(prefix="reelbench-") as scratch, ExitStack() as stack:
        launcher = Launcher(read_side(HERE), Path(scratch), stack)
        series = {probe: _series(launcher, ProbeCase(probe, _TURNS)) for probe in probes}
    return coverages(series)


def coverages(series: Mapping[str, tuple[Sequence[float], int]]) -> tuple[list[Coverage], float]:
    """Count how many stretches' intervals hold the median of the whole series.

    As they are, and widened by what the series of the other probes ask for.

    Args:
        series: Of each probe the times of its rounds in the order they ran, and how many of them
            are a stretch.

    Returns:
        The coverage of each, and how far a second's median wanders by all of them.
    """
    stretches = {probe: _stretches(rounds_s, each) for probe, (rounds_s, each) in series.items()}
    found = []
    for probe, (rounds_s, stretch) in series.items():
        pairs = stretches[probe]
        others = [pair for other in series if other != probe for pair in stretches[other]]
        by = wander(others) if others else None
        wide = [(widened(interval, by), reference) for interval, reference in pairs]
        found.append(
            Coverage(
                probe=probe,
                rounds=len(rounds_s),
                stretch=stretch,
                stretches=len(pairs),
                covered=_holding(pairs),
                half_width=_half_width(pairs),
                wander=by,
                covered_widened=None if by is None else _holding(wide),
                half_width_widened=None if by is None else _half_width(wide),
            )
        )
    return found, wander([pair for pairs in stretches.values() for pair in pairs])


def _stretches(rounds_s: Sequence[float], stretch: int) -> list[tuple[Interval, float]]:
    """The interval of each stretch, with the median of the whole series."""
    reference = float(np.median(rounds_s))
    return [
        (median_interval(rounds_s[start : start + stretch]), reference)
        for start in range(0, len(rounds_s) - stretch + 1, stretch)
    ]


def _holding(pairs: Sequence[tuple[Interval, float]]) -> int:
    return sum(each.low <= reference <= each.high for each, reference in pairs)


def _half_width(pairs: Sequence[tuple[Interval, float]]) -> float:
    return float(np.median([each.relative_half_width for each, _ in pairs]))


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
