"""What a user sees while a run goes on: the machine, a line a case with the time left, a table."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from reelbench.implementations import REFERENCE
from reelbench.measure.build import OWN_FAMILY
from reelbench.measure.failure import CaseFailure
from reelbench.plugin.merging import half_width
from reelbench.plugin.session import Session
from reelbench.report.layers import layer_table
from reelbench.report.tables import render, terminal_width
from reelbench.report.text import shorten
from reelbench.results.outcome import Outcome
from reelbench.results.schema import CaseOutcome, CaseRecord, Ceiling, Identity, Replicate, Timing
from reelbench.stats.timing import timing_of
from reelbench.units import print_bytes, print_duration, print_rate, print_share, print_time

_WIDEST = 100


class Progress:
    """Writes past pytest's capture to the terminal."""

    def __init__(self, config: pytest.Config) -> None:
        self._terminal = config.pluginmanager.get_plugin("terminalreporter")
        self._capture = config.pluginmanager.get_plugin("capturemanager")
        self._count = self._done = 0
        self._root = config.invocation_params.dir

    def say(self, line: str) -> None:
        """Print one line."""
        if self._terminal is None or self._terminal.verbosity < 0:
            return
        quiet = self._capture.global_and_fixture_disabled() if self._capture else nullcontext()
        with quiet:
            self._terminal.ensure_newline()
            self._terminal.write_line(line)

    def header(self, session: Session) -> None:
        """Print the machine, its ceilings and where results go."""
        known = session.machine.facts
        chip = known.get("accelerator") or known.get("cpu_model")
        memory = known.get("memory_bytes")
        size = print_bytes(memory) if isinstance(memory, int) else "unknown memory"
        limits = [*map(_ceiling, session.machine.ceilings)]
        limits.append(f"empty call {print_time(session.machine.floor_s or 0.0)}")
        self.say(f"machine   {session.machine.id}: {chip}, {known.get('cpus_usable')} CPUs, {size}")
        self.say(
            f"software  Python {known.get('python')}, jax {known.get('jax')} on "
            f"{known.get('backend')}, flax {known.get('flax')}, matmul precision "
            f"{known.get('matmul_precision')}"
        )
        for line in _folded("ceilings  ", limits):
            self.say(line)

    def plan(self, session: Session, resumed: int) -> None:
        """Print how many cases fit the budget."""
        if self._terminal is not None:
            self._terminal.showfspath = False  # the case lines say where we are
            self._terminal._show_progress_info = False
        self._count = len(session.spending.expected())
        also = [f"{resumed} done before"] if resumed else []
        others = len(session.spending.estimates) - self._count
        also += [f"{others} more if time allows"] if others else []
        more = f" ({', '.join(also)})" if also else ""
        took = print_duration(session.spending.eta_s())
        of = print_duration(session.options.budget_s)
        self.say(f"plan      {self._count} cases{more}, about {took} of {of}")
        self.say(f"journal   {self._path(session.journal.path)}")

    def let_go(self, line: str) -> None:
        """Print a last line and give the terminal back, before another process takes over."""
        self.say(line)
        if self._capture is not None:
            self._capture.stop_global_capturing()

    def end(
        self,
        session: Session,
        case: Identity,
        *,
        record: CaseRecord | None = None,
        failure: CaseFailure | None = None,
    ) -> None:
        """Print what became of a case and the time left; the table tells what time left out."""
        if failure and failure.outcome is Outcome.OVER_BUDGET and "estimated_s" in failure.numbers:
            return
        self._done += 1
        self._count = self._done + len(session.spending.expected())
        if record:
            share = record.rates.roofline_share
            of = f"{print_share(share)} of ceiling" if share is not None else ""
            said = f"{_interval(record.timing)} {of}"
        else:
            said = f"{failure.outcome}: {failure.reason}" if failure else ""
        turn = "run 1 " if session.options.runs > 1 else ""
        count = f"[{turn}{self._done:>{len(str(self._count))}}/{self._count}]"
        self._case(count, case, said, session.spending.eta_s())

    def again(
        self, place: str, case: Identity, replicate: Replicate | None, reason: str, left_s: float
    ) -> None:
        """Print what became of a case in a further process.

        Args:
            place: Which process it is, and which of its cases.
            case: The case.
            replicate: Its rounds, if it was timed.
            reason: Why it was not.
            left_s: Time that the run will take yet.
        """
        said = _interval(timing_of([replicate], 0.0)) if replicate else f"failed: {reason}"
        self._case(place, case, said, left_s)

    def _case(self, count: str, case: Identity, said: str, left_s: float) -> None:
        name = f"{case.preset.rpartition('::')[2]} {case.pass_}"
        if case.family != OWN_FAMILY:
            name += "" if case.dtype == "float32" else f" {case.dtype}"
            name += "" if case.batch == 1 else f" b{case.batch}"
        name += "" if case.implementation == REFERENCE else f" {case.implementation}"
        line = f"{count} {shorten(name, 32):<32} {shorten(said, 46)}"
        self.say(f"{line:<{_WIDEST - 13}} {print_duration(left_s):>6} left")

    def summary(self, session: Session, file: Path | None, terminal: Any) -> None:
        """Print the table, the file and the next command."""
        records, outcomes = _found(session)
        width = min(terminal_width(), _WIDEST)
        terminal.ensure_newline()
        terminal.write_line("")
        terminal.write_line(render([layer_table(records, outcomes)], "table", width=width))
        if file is None:
            path = self._path(session.journal.path)
            missing = len(session.journal.missing)
            said = f"{missing} cases are missing; " if missing else ""
            if not missing and not session.replicated:
                said = "processes are missing; "
            terminal.write_line(f"{said}what was measured is in {path}")
            terminal.write_line("next: run the same command with --reel-resume")
            return
        wanted = session.options.width
        if wanted and records:
            reached = sum(half_width(record.timing) <= wanted for record in records)
            terminal.write_line(
                f"width: {reached} of {len(records)} cases are within ± {print_share(wanted)}"
            )
        shown = self._path(file)
        terminal.write_line(f"results: {shown}")
        terminal.write_line(f"next: reelbench show {shown}")
        terminal.write_line(f"      reelbench compare base={shown} new=FILE")

    def _path(self, path: Path) -> str:
        try:
            return str(path.relative_to(self._root))
        except ValueError:
            return str(path)


def _folded(head: str, parts: Sequence[str]) -> list[str]:
    """The parts behind a heading, in lines of a table's width."""
    lines, line = [], head
    for place, part in enumerate(parts):
        part += "," if place < len(parts) - 1 else ""
        if len(line) + len(part) > _WIDEST:
            lines.append(line.rstrip())
            line = " " * len(head)
        line += f"{part} "
    return [*lines, line.rstrip()]


def _interval(timing: Timing) -> str:
    return f"{print_time(timing.median_s):>8} ± {print_share(half_width(timing)):<6}"


def _ceiling(ceiling: Ceiling) -> str:
    arithmetic = ceiling.kind in ("matmul", "convolution")
    what = f"{ceiling.dtype} {ceiling.kind}" if arithmetic else ceiling.kind
    return f"{what} {print_rate(ceiling.rate, ceiling.unit)}"


def _found(session: Session) -> tuple[list[CaseRecord], list[CaseOutcome]]:
    import msgspec

    records, outcomes = [], []
    for entry in session.journal.ended.values():
        if entry.benchmark is not None:
            block = entry.benchmark["extra_info"]["reelbench"]
            records.append(msgspec.convert(block, CaseRecord))
        elif entry.outcome is not None:
            outcomes.append(entry.outcome)
    return records, outcomes
