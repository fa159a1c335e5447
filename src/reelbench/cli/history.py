"""``reelbench history``: each case of a machine over time, and where its level changed."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from msgspec import structs

from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.cli.cases import chosen
from reelbench.cli.paths import result_files
from reelbench.compare.history import history
from reelbench.compare.loading import digests
from reelbench.report.history import SERIES, history_tables
from reelbench.units import parse_share

_DEFAULT = "3%"


def show_history(
    *runs: str,
    case: Annotated[list[str] | None, Parameter(negative="")] = None,
    threshold: str = _DEFAULT,
    style: FormatOption = "table",
) -> None:
    """Each case of one machine over time: its steps, and what else changed there.

    Args:
        runs: A machine's folder of results, files or globs.
        case: Only this preset, or one of its passes, such as r3d-layer1/train; may be repeated.
        threshold: The change of level that matters.
        style: How to write it.
    """
    if not runs:
        raise UsageError("name a machine's folder: reelbench history results/MACHINE")
    limit = parse_share(threshold)
    found = digests(result_files(runs))
    machines = sorted({run.machine or "unknown" for run in found})
    if len(machines) > 1:
        listed = ", ".join(machines[:4]) + (" …" if len(machines) > 4 else "")
        raise UsageError(f"these are runs of several machines ({listed}); name one's folder")
    kept = chosen(case or [], (reading.identity for run in found for reading in run.readings))
    found = [
        structs.replace(run, readings=tuple(r for r in run.readings if r.identity in kept))
        for run in found
    ]
    answer(history_tables(history(found, threshold=limit), limit), style, main=SERIES)
