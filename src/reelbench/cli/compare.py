"""``reelbench compare``: two or more sides, each of one run or many, and a gate."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.cli.paths import STANDARD_INPUT
from reelbench.cli.sides import read_sides
from reelbench.compare import DEFAULT_THRESHOLD, compare
from reelbench.compare.gate import Gated, gate
from reelbench.compare.means import Weighting
from reelbench.report.comparison import RATIOS, comparison_tables
from reelbench.report.sides import CASES, several_tables
from reelbench.report.text import visible
from reelbench.units import parse_share

_MOST_SAID = 20


def compare_runs(
    *runs: Annotated[str, Parameter(allow_leading_hyphen=True)],
    threshold: str = f"{100 * DEFAULT_THRESHOLD:.0f}%",
    weight: Weighting = "case",
    top: int | None = None,
    fail_slower: str | None = None,
    allow_missing: Annotated[list[str] | None, Parameter(negative="")] = None,
    style: FormatOption = "table",
) -> int:
    """Two or more sides: what differs between them, how the times relate, what that decides.

    A side is a result file, a glob, a machine's folder, which means all its runs, or - for standard
    input. A folder of machines' folders is a side for each machine.

    Args:
        runs: The sides, as in `base=A.json new=B.json` or `march='results/m/202603*' results/m`;
            the first is the base. Words of one label are one side.
        threshold: The difference that does not matter; it decides the verdicts on one machine.
        weight: What counts the same in the mean of all: every case, or every family of layers.
        top: How many cases and families of two sides to show; JSON and CSV have all.
        fail_slower: Exit with 1 if a case is shown slower and by so much, such as 3%, or is
            missing; with 3 if that is not decided.
        allow_missing: A case that may be missing all the same: a preset, or one of its passes, such
            as r3d-layer1/train; may be repeated.
        style: How to write it.
    """
    for word in runs:
        if word.startswith("-") and word != STANDARD_INPUT:
            raise UsageError(f"unknown option {word[:80]}; see reelbench compare --help")
    bound = None if fail_slower is None else parse_share(fail_slower)
    if top is not None and top < 1:
        raise UsageError(f"--top {top}: must be at least 1")
    if allow_missing and bound is None:
        raise UsageError("--allow-missing goes with --fail-slower")
    limit = parse_share(threshold)
    base, *others = read_sides(runs)
    comparisons = [compare(base, new, threshold=limit, weighting=weight) for new in others]
    if len(comparisons) == 1:
        answer(comparison_tables(comparisons[0], top), style, main=RATIOS)
    else:
        answer(several_tables(comparisons), style, main=CASES)
    if bound is None:
        return 0
    return _told([gate(each, bound, allow_missing or ()) for each in comparisons])


def _told(gated: list[Gated]) -> int:
    """Say why a gate failed or stays open; the worst of several decides."""
    worst = max(gated, key=lambda each: each.state.severity)
    if sys.stderr:
        for each in gated:
            for line in each.lines[:_MOST_SAID]:
                print(f"reelbench: {visible(line)}", file=sys.stderr)
            if len(each.lines) > _MOST_SAID:
                print(f"reelbench: and {len(each.lines) - _MOST_SAID} more", file=sys.stderr)
    return worst.state.code
