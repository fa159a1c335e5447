"""A self-test as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reelbench.report.tables import Cell, Column, Table, plain
from reelbench.results.noise import Coverage, SelfTest
from reelbench.results.pairs import Compared
from reelbench.units import print_change, print_share, print_time

_LEVELS_OF_TURNS = 1000


def selftest_tables(tests: Sequence[SelfTest]) -> tuple[Table, ...]:
    """Tables of one self-test or of several together; the first says what the machine can see."""
    return (_summary(tests), _planted(tests), _coverage(tests))


def _summary(tests: Sequence[SelfTest]) -> Table:
    columns = (
        Column("name", ""),
        Column("value", "", align="right"),
        Column("what", "", give="fold"),
    )
    last = tests[-1]
    pairs = last.paired.largest_pairs
    wander = (
        [
            _fact(
                "wander of a second",
                last.wander,
                print_share(last.wander),
                "how far its median lies from that of a long series, 95 times in 100",
            )
        ]
        if last.wander is not None
        else []
    )
    rows = (
        _fact(
            "smallest slowdown seen",
            last.smallest_visible,
            print_change(last.smallest_visible).removeprefix("+"),
            f"found 95 times in 100 with {pairs} pairs (reelbench ab)",
        ),
        _fact(
            "spread of pairs",
            last.pair_spread,
            print_share(last.pair_spread),
            "standard deviation of a pair's difference",
        ),
        _fact(
            "spread of processes",
            last.process_spread,
            print_share(last.process_spread),
            "standard deviation of one process's median; two single runs differ by 1.4 times it",
        ),
        *wander,
        _fact(
            "empty call", last.empty_call_s, print_time(last.empty_call_s), "the floor of a time"
        ),
        _fact(
            "harness",
            last.overhead_s,
            f"{1e9 * last.overhead_s:+.0f} ns",
            "added to a call beyond a bare loop",
        ),
    )
    return Table("What this machine can see", columns, rows)


def _planted(tests: Sequence[SelfTest]) -> Table:
    columns = (
        Column("planted", "planted", align="right"),
        Column("comparisons", "comparisons", align="right"),
        Column("slower", "slower", align="right"),
        Column("faster", "faster", align="right"),
        Column("unchanged", "unchanged", align="right"),
        Column("undecided", "undecided", align="right"),
        Column("covered", "in interval", align="right"),
        Column("pairs", "pairs", align="right"),
        Column("estimates", "estimates"),
    )
    cases = [case for test in tests for case in test.paired.cases if case.verdict]
    levels = sorted({round(_LEVELS_OF_TURNS * (case.planted or 0.0)) for case in cases})
    rows = tuple(
        _level([c for c in cases if round(_LEVELS_OF_TURNS * (c.planted or 0.0)) == level])
        for level in levels
    )
    threshold = print_share(tests[-1].paired.threshold)
    note = (
        f"Planted: further turns of B's program. Threshold ±{threshold}. In "
        "interval: how many intervals held what was planted. Pairs: how many were used, mean."
    )
    return Table("Slowdowns planted as work inside the program", columns, rows, (note,))


def _level(cases: Sequence[Compared]) -> tuple[Cell, ...]:
    verdicts = [case.verdict for case in cases]
    planted = cases[0].planted or 0.0
    covered = sum(
        case.low is not None and case.high is not None and case.low <= planted <= case.high
        for case in cases
    )
    estimates = sorted(case.estimate for case in cases if case.estimate is not None)
    pairs = sum(len(case.pairs) for case in cases) / len(cases)
    low, high = print_change(estimates[0]).removesuffix(" %"), print_change(estimates[-1])
    return (
        Cell(planted, "same" if planted == 0 else print_change(planted)),
        plain(len(cases)),
        *(plain(verdicts.count(each)) for each in ("slower", "faster", "unchanged", "undecided")),
        plain(covered),
        Cell(pairs, f"{pairs:.1f}"),
        plain(f"{low} to {high}"),
    )


def _coverage(tests: Sequence[SelfTest]) -> Table:
    columns = (
        Column("probe", "probe"),
        Column("stretches", "stretches", align="right"),
        Column("stretch", "rounds each", align="right"),
        Column("covered", "covered", align="right"),
        Column("half_width", "±", align="right"),
        Column("covered_widened", "widened", align="right"),
        Column("half_width_widened", "±", align="right"),
    )
    by_probe: dict[str, list[Coverage]] = {}
    for test in tests:
        for each in test.coverage:
            by_probe.setdefault(each.probe, []).append(each)
    rows = []
    for probe, found in by_probe.items():
        stretches = sum(each.stretches for each in found)
        share = sum(each.covered for each in found) / max(stretches, 1)
        width = math.fsum(each.half_width for each in found) / len(found)
        rows.append(
            (
                plain(probe),
                plain(stretches),
                plain(found[0].stretch),
                Cell(share, print_share(share)),
                Cell(width, print_share(width)),
                *_widened(found),
            )
        )
    title = "95 % intervals of one process, against the median of its whole long series"
    note = (
        "Widened: by how far a second's median wanders in the long series of the other probes, as "
        "the intervals of short runs of few cases are once this self-test is stored; of more "
        "cases, several visits tell."
    )
    return Table(title, columns, tuple(rows), (note,))


def _widened(found: Sequence[Coverage]) -> tuple[Cell, Cell]:
    """How many widened intervals held the reference, and how wide they were."""
    held = [(each.covered_widened, each.stretches) for each in found]
    widths = [each.half_width_widened for each in found if each.half_width_widened is not None]
    covered = [(count, of) for count, of in held if count is not None]
    if not covered or not widths:
        return plain(None), plain(None)
    share = sum(count for count, _ in covered) / max(sum(of for _, of in covered), 1)
    width = math.fsum(widths) / len(widths)
    return Cell(share, print_share(share)), Cell(width, print_share(width))


def _fact(name: str, value: float, text: str, what: str) -> tuple[Cell, ...]:
    return plain(name), Cell(value, text), plain(what)
