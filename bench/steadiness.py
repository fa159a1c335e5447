"""Whether intervals hold what a long series of the same process says, as they are and widened.

    python bench/steadiness.py [--turns 40] [LAYER...]
    python bench/steadiness.py --from FILE...

A run times each case for a second and the check standards before each. Here the cases take turns,
so that the seconds of each make a long series, with a reading of the standards before every second:
the interval of each second is held against the median of its whole series, as it is, and widened by
what all readings of the standards say, as a run does it. Nothing else should run beside it. What
was measured is kept in ``results/<machine>/steadiness``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from reelbench.catalogue import Preset, find
from reelbench.machine import facts, identity
from reelbench.results.schema import Reading
from reelbench.stats.interval import Interval, median_interval
from reelbench.stats.wandering import wander_of, widened
from reelbench.units import print_share, print_time

RESULTS = Path(__file__).parents[1] / "results"
LAYERS = (
    "videomae-b-joint forward", "timesformer-divided train", "wan2.1-1.3b-block-small forward",
    "swin3d-t-stage3 forward", "convlstm forward", "r3d-layer4 forward", "vit-b-layer-norm forward",
    "vit-b-layer-norm train", "hunyuan-vae-group-norm-small train", "videomae-tubelet forward",
)  # fmt: skip
SECOND_S = 1.0
WARM_S = 0.05


class Series(msgspec.Struct, frozen=True):
    """What was measured of a layer: the interval of each second, and the median of all rounds."""

    seconds: list[Reading]
    median_s: float


class Kept(msgspec.Struct, frozen=True):
    """A file of this script: series by layer and pass, readings by standard."""

    machine: str
    created: str
    series: dict[str, Series]
    standards: dict[str, list[Reading]]


def main() -> None:
    """Measure or read, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("layers", nargs="*", metavar="LAYER", help="of the catalogue; both passes")
    parser.add_argument("--turns", type=int, default=40, help="seconds of each case")
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
    for turn in range(turns):
        print(f"[{turn + 1}/{turns}]", file=sys.stderr, flush=True)
        for case in random.sample(list(cases), len(cases)):
            for name, reading in standards.read().items():
                readings.setdefault(name, []).append(reading)
            clock.rounds_within(calls[case], WARM_S)
            rounds[case].append(clock.rounds_within(calls[case], SECOND_S))
    now = datetime.now(UTC)
    kept = Kept(
        machine=identity.machine_id(facts.collect()),
        created=now.isoformat(timespec="seconds"),
        series={case: _series(each) for case, each in rounds.items()},
        standards=readings,
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


def show(kept: Sequence[Kept]) -> None:
    """Print how often the intervals held their series' medians."""
    table = Table("case", box=None, caption_justify="left")
    for name in ("time", "seconds", "hold", "±", "widened", "±"):
        table.add_column(name, justify="right")
    said = []
    held: list[tuple[int, int, int]] = []
    for each in kept:
        wander = wander_of(each.standards)
        for case, series in each.series.items():
            plain = [Interval(r.median_s, r.low_s, r.high_s, 0.95) for r in series.seconds]
            wide = [widened(interval, wander) for interval in plain]
            counts = len(plain), _holding(plain, series), _holding(wide, series)
            held.append(counts)
            table.add_row(case, print_time(series.median_s), *_row(counts, plain, wide))
        count = min(map(len, each.standards.values()))
        known = "too few to tell" if wander is None else f"they wander {print_share(wander)}"
        said.append(f"{count} readings of each standard, {known}")
    total, plainly, widely = map(sum, zip(*held, strict=True))
    table.add_row("all", "", str(total), _share(plainly, total), "", _share(widely, total), "")
    table.caption = "\n".join(said)
    Console(width=100).print(table)


def _holding(intervals: Sequence[Interval], series: Series) -> int:
    return sum(each.low <= series.median_s <= each.high for each in intervals)


def _row(
    counts: tuple[int, int, int], plain: Sequence[Interval], wide: Sequence[Interval]
) -> list[str]:
    total, plainly, widely = counts
    widths = [
        print_share(statistics.median(i.relative_half_width for i in each))
        for each in (plain, wide)
    ]
    return [str(total), _share(plainly, total), widths[0], _share(widely, total), widths[1]]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}"


if __name__ == "__main__":
    main()
