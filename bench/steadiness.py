"""Whether intervals hold what a long series of the same process says.

    python bench/steadiness.py [--turns 60] [LAYER...]
    python bench/steadiness.py --from FILE...

A run visits each case three times, and reads the check standards before each. Here the cases take
turns, so that the visits to each make a long series, with a reading of the standards before every
visit. Against the median of its whole series is held the interval of each visit

- as its rounds have it,
- widened by what all readings of the standards say, as a run does it with few cases,

and the interval of three visits together, as a run does it with several cases

- fifty seconds apart, as a run of five minutes spreads them,
- a third of the series apart, as a longer one does,
- in turns that follow each other, as happens to the last cases of a run.

Nothing else should run beside it. What was measured is kept in ``results/<machine>/steadiness``.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from reelbench.catalogue import Preset, find
from reelbench.machine import facts, identity
from reelbench.results.schema import Reading, Replicate, Visit
from reelbench.stats.interval import Interval, median_interval
from reelbench.stats.visits import CORRELATION_S, usual, visits_interval
from reelbench.stats.wandering import wander_of, widened
from reelbench.units import print_share, print_time

RESULTS = Path(__file__).parents[1] / "results"
LAYERS = (
    "videomae-b-joint forward", "timesformer-divided train", "wan2.1-1.3b-block-small forward",
    "swin3d-t-stage3 forward", "convlstm forward", "r3d-layer4 forward", "vit-b-layer-norm forward",
    "vit-b-layer-norm train", "hunyuan-vae-group-norm-small train", "videomae-tubelet forward",
)  # fmt: skip
VISITS = 3
VISIT_S = 1 / VISITS
WARM_S = 0.05
APART_S = 50.0  # a sixth of five minutes


class Series(msgspec.Struct, frozen=True):
    """What was measured of a layer: the interval of each visit, and the median of all rounds."""

    seconds: list[Reading]
    median_s: float


class Kept(msgspec.Struct, frozen=True):
    """A file of this script: series by layer and pass, readings by standard.

    Attributes:
        turn_s: Time from one visit to a case to the next; None in files of older versions, whose
            visits were a second long.
    """

    machine: str
    created: str
    series: dict[str, Series]
    standards: dict[str, list[Reading]]
    turn_s: float | None = None


@dataclass(frozen=True)
class Way:
    """A way to make intervals: its name, and those that it makes of the series of each case."""

    name: str
    make: Callable[[Kept], dict[str, list[Interval]]]


def main() -> None:
    """Measure or read, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("layers", nargs="*", metavar="LAYER", help="of the catalogue; both passes")
    parser.add_argument("--turns", type=int, default=60, help="visits to each case")
    parser.add_argument("--from", dest="files", nargs="+", type=Path, help="print these again")
    options = parser.parse_args()
    cases = [f"{each} {pass_}" for each in options.layers for pass_ in ("forward", "train")]
    if options.files:
        kept = [_read(file) for file in options.files]
    else:
        kept = [measure(cases or LAYERS, options.turns)]
    show(kept)


def _read(file: Path) -> Kept:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError) as error:
        sys.exit(f"{file}: cannot be read ({error}); name a file that this script kept")


def measure(cases: Sequence[str], turns: int) -> Kept:
    """Let the cases take turns; the file is written at the end."""
    from reelbench.measure import build, clock, compiling, protocol
    from reelbench.measure.axes import Axes
    from reelbench.measure.standards import Standards

    calls: dict[str, clock.Call] = {}
    for case in cases:
        name, pass_ = case.rsplit(" ", 1)
        axes = Axes(pass_=pass_, dtype="float32", batch=1)
        calls[case] = protocol.prepare(compiling.trace(build.at_axes(_find(name), axes)))[1]
    standards = Standards()
    readings: dict[str, list[Reading]] = {}
    rounds: dict[str, list[list[float]]] = {case: [] for case in cases}
    started = time.monotonic()
    for turn in range(turns):
        print(f"[{turn + 1}/{turns}]", file=sys.stderr, flush=True)
        for case in random.sample(list(cases), len(cases)):
            for name, reading in standards.read().items():
                readings.setdefault(name, []).append(reading)
            clock.rounds_within(calls[case], WARM_S)
            rounds[case].append(clock.rounds_within(calls[case], VISIT_S))
    turn_s = (time.monotonic() - started) / turns
    now = datetime.now(UTC)
    kept = Kept(
        machine=identity.machine_id(facts.collect()),
        created=now.isoformat(timespec="seconds"),
        series={case: _series(each) for case, each in rounds.items()},
        standards=readings,
        turn_s=turn_s,
    )
    path = RESULTS / kept.machine / "steadiness" / f"{now:%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    print(f"kept in {path}", file=sys.stderr)
    return kept


def _find(name: str) -> Preset:
    try:
        return find(name)
    except LookupError as error:
        sys.exit(f"{error.args[0]}")


def _series(rounds: Sequence[Sequence[float]]) -> Series:
    found = [median_interval(each) for each in rounds]
    return Series(
        seconds=[Reading(median_s=i.median, low_s=i.low, high_s=i.high) for i in found],
        median_s=statistics.median(seconds for each in rounds for seconds in each),
    )


def by_rounds(kept: Kept) -> dict[str, list[Interval]]:
    """What the rounds of each visit say by themselves."""
    return {
        case: [Interval(r.median_s, r.low_s, r.high_s, 0.95) for r in series.seconds]
        for case, series in kept.series.items()
    }


def by_standards(kept: Kept) -> dict[str, list[Interval]]:
    """The same, widened by what the check standards wandered."""
    wander = wander_of(kept.standards)
    return {
        case: [widened(each, wander) for each in found] for case, found in by_rounds(kept).items()
    }


def by_visits(kept: Kept, apart: int) -> dict[str, list[Interval]]:
    """What runs say that visit each case three times, so many turns apart.

    What to expect of a case is what visits fifty seconds apart say, or more where these are, as in
    a run, where only the last cases have visits closer to each other.
    """
    found: dict[str, list[Interval]] = {case: [] for case in kept.series}
    usually = max(apart, round(APART_S / (kept.turn_s or APART_S)))
    for first in range(_turns(kept) - (VISITS - 1) * usually):
        expected = usual(_visits(kept, case, first, usually) for case in kept.series)
        for case in kept.series:
            if expected:
                found[case].append(visits_interval(_visits(kept, case, first, apart), expected))
    return found


def _visits(kept: Kept, case: str, first: int, apart: int) -> Replicate:
    seconds, turn_s = kept.series[case].seconds, kept.turn_s or 0.0
    medians = [seconds[first + apart * number].median_s for number in range(VISITS)]
    return Replicate(
        process=str(first),
        order=0,
        iterations=1,
        warmup_s=[],
        rounds_s=medians[:1],
        later=[
            Visit(after_s=(number + 1) * apart * turn_s, rounds_s=[median])
            for number, median in enumerate(medians[1:])
        ],
    )


def _ways(kept: Sequence[Kept]) -> list[Way]:
    found = [Way("rounds", by_rounds), Way("standards", by_standards)]
    if all(each.turn_s for each in kept):
        found += [
            Way("50 s", lambda each: by_visits(each, round(APART_S / (each.turn_s or APART_S)))),
            Way("third", lambda each: by_visits(each, _turns(each) // VISITS)),
            Way("close", lambda each: by_visits(each, 1)),
        ]
    return found


def _turns(kept: Kept) -> int:
    return min(len(series.seconds) for series in kept.series.values())


def show(kept: Sequence[Kept]) -> None:
    """Print how often the intervals held their series' medians."""
    ways = _ways(kept)
    table = Table("case", box=None, caption_justify="left")
    table.add_column("time", justify="right")
    for way in ways:
        table.add_column(way.name, justify="right")
        table.add_column("±", justify="right")
    counts = {way.name: [0, 0] for way in ways}
    widths: dict[str, list[float]] = {way.name: [] for way in ways}
    said = []
    for each in kept:
        made = {way.name: way.make(each) for way in ways}
        for case, series in each.series.items():
            row = []
            for name, found in made.items():
                half = [interval.relative_half_width for interval in found[case]]
                held = _holding(found[case], series)
                counts[name][0] += held
                counts[name][1] += len(half)
                widths[name] += half
                row += _cells(held, half)
            table.add_row(case, print_time(series.median_s), *row)
        said.append(_facts(each))
    cells = [cell for name in made for cell in _cells(counts[name][0], widths[name])]
    table.add_row("all", "", *cells)
    table.caption = "\n".join(said)
    Console(width=100).print(table)


def _facts(kept: Kept) -> str:
    count = min(map(len, kept.standards.values()))
    wander = wander_of(kept.standards)
    known = "too few to tell" if wander is None else f"they wander {print_share(wander)}"
    said = f"{count} readings of each standard, {known}"
    if not kept.turn_s:
        return said
    lags = [lag for lag in (1, 2, 4, 8, 16) if lag < _turns(kept) // 2]
    shown = ", ".join(f"{lag * kept.turn_s:.0f} s: {_correlation(kept, lag):.2f}" for lag in lags)
    return (
        f"{said}; {_turns(kept)} visits, one every {kept.turn_s:.1f} s\n"
        f"correlation of two visits, mean of the cases, after {shown}; "
        f"taken for 1/e after {CORRELATION_S:.0f} s"
    )


def _correlation(kept: Kept, lag: int) -> float:
    """Of the logarithms of a case's medians with those so many turns later."""
    found = []
    for series in kept.series.values():
        logs = [math.log(each.median_s) for each in series.seconds]
        found.append(statistics.correlation(logs[:-lag], logs[lag:]))
    return statistics.fmean(found)


def _holding(intervals: Sequence[Interval], series: Series) -> int:
    return sum(each.low <= series.median_s <= each.high for each in intervals)


def _cells(held: int, half: Sequence[float]) -> list[str]:
    if not half:
        return ["–", "–"]
    return [f"{held / len(half):.0%}", print_share(statistics.median(half))]


if __name__ == "__main__":
    main()
