"""``reelbench history``: each case of a machine over time, and where its level changed."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from msgspec import structs

from reelbench.catalogue import UnknownNameError
from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.cli.paths import result_files
from reelbench.compare.digest import Digest
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
    if case:
        found = _only(found, case)
    answer(history_tables(history(found, threshold=limit), limit), style, main=SERIES)


def _only(runs: list[Digest], cases: list[str]) -> list[Digest]:
    """The runs with these cases alone."""
    identities = {reading.identity for run in runs for reading in run.readings}
    names = {each: {each.preset, f"{each.preset}/{each.pass_}"} for each in identities}
    known = {name for own in names.values() for name in own}
    for wanted in cases:
        if wanted not in known:
            # A file of somebody else may hold names of any length.
            raise UnknownNameError("case", wanted, sorted(n for n in known if len(n) < 200)[:2000])
    chosen = {each for each, own in names.items() if own & set(cases)}
    kept = [tuple(each for each in run.readings if each.identity in chosen) for run in runs]
    return [structs.replace(run, readings=own) for run, own in zip(runs, kept, strict=True)]
