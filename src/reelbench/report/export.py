"""Result files as one long table for other tools: a row a case of a run, or a row a round."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

import msgspec

from reelbench.machine.fields import FIELDS
from reelbench.report.text import markdown, spreadsheet
from reelbench.results.schema import CaseRecord, Fact, Identity, Replicate, Results, Visit

Row = dict[str, Fact]

Columns = dict[str, type]

_RUN: Columns = {
    "file": str, "run": str, "created": str, "machine": str, "protocol": int, "commit": str,
    "benchmark": str,
}  # fmt: skip
_IDENTITY: Columns = {
    field.encode_name: int if field.name == "batch" else str
    for field in msgspec.structs.fields(Identity)
}
_CASE: Columns = {
    "version": str, "outcome": str, "program_sha256": str, "clips": float, "frames": float,
    "tokens": float, "parameters": int, "model_flops": float, "least_bytes": float,
    "compile_s": float, "needed_bytes": int, "processes": int, "rounds": int, "median_s": float,
    "low_s": float, "high_s": float, "confidence": float, "drift": float, "device_s": float,
    "floor_share": float, "cold_s": float, "clips_per_s": float, "flops_per_s": float,
    "bytes_per_s": float, "roofline_s": float, "roofline_share": float, "bound": str,
    "warnings": str,
}  # fmt: skip
_ROUND: Columns = {
    "process": str, "order": int, "visit": int, "round": int, "iterations": int,
    "round_s": float, "disturbed": str,
}  # fmt: skip
# A fact without a unit may be a text on one machine and a number on the next.
_FACTS: Columns = {
    name: float if field.unit else str for name, field in FIELDS.items() if field.kind != "volatile"
}

CASE_COLUMNS: Columns = {**_RUN, **_IDENTITY, **_CASE, **_FACTS}
"""Name and type of each column of a row a case; any value may be None."""

ROUND_COLUMNS: Columns = {**_RUN, **_IDENTITY, **_ROUND}
"""The same of a row a round."""

# What people read in Markdown; the other formats carry every column.
_SHOWN = (
    "preset", "pass", "dtype", "batch", "implementation", "median_s", "low_s", "high_s",
    "clips_per_s", "roofline_share", "bound", "machine", "created",
)  # fmt: skip


def rows(results: Results, file: str, *, rounds: bool = False) -> Iterator[Row]:
    """Rows of one file under `CASE_COLUMNS`, or a row a round under `ROUND_COLUMNS`.

    Args:
        results: The file's content.
        file: What to call it.
        rounds: Whether every round is a row.
    """
    run, machine = results.reelbench, results.machine_info.reelbench
    facts = machine.facts if machine else {}
    for benchmark in results.benchmarks:
        row: Row = {
            "file": file,
            "run": run.run_id if run else None,
            "created": run.created if run else results.datetime,
            "machine": machine.id if machine else None,
            "protocol": run.protocol if run else None,
            "commit": results.commit_info.id,
            "benchmark": benchmark.fullname,
        }
        record = benchmark.extra_info.reelbench
        if record is None:
            # Plain pytest-benchmark: its name and its statistics.
            if not rounds:
                stats = benchmark.stats
                row |= {"median_s": stats.median, "rounds": stats.rounds}
                yield row
            continue
        row |= msgspec.to_builtins(record.identity)
        if rounds:
            yield from _rounds(row, record)
        else:
            yield row | _case(record) | {name: facts.get(name) for name in _FACTS}


def _case(record: CaseRecord) -> Row:
    timing = record.timing
    values: dict[str, Any] = {
        **msgspec.to_builtins(record.work),
        **msgspec.to_builtins(record.rates),
        **{name: getattr(timing, name) for name in _CASE if hasattr(timing, name)},
        "version": record.version,
        "outcome": record.outcome.value,
        "program_sha256": record.compilation.program_sha256,
        "compile_s": record.compilation.compile_s,
        "needed_bytes": record.memory.needed_bytes,
        "processes": len({each.process for each in timing.replicates}),
        "rounds": sum(len(rounds) for each in timing.replicates for rounds in each.visits_s),
        "warnings": "; ".join(record.warnings),
    }
    return {name: values.get(name) for name in _CASE}


def _rounds(row: Row, record: CaseRecord) -> Iterator[Row]:
    for replicate in record.timing.replicates:
        visits: list[Replicate | Visit] = [replicate, *replicate.later]
        for place, visit in enumerate(visits):
            for number, seconds in enumerate(visit.rounds_s):
                yield row | {
                    "process": replicate.process,
                    "order": replicate.order,
                    "visit": place,
                    "round": number,
                    "iterations": replicate.iterations,
                    "round_s": seconds,
                    "disturbed": "; ".join(visit.disturbed),
                }


def write_csv(columns: Columns, found: Iterable[Row], stream: TextIO) -> None:
    """Write rows as CSV, one after the other; no text becomes a formula of a spreadsheet."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in found:
        values = (row.get(name) for name in columns)
        writer.writerow(spreadsheet(v) if isinstance(v, str) else v for v in values)


def write_json(columns: Columns, found: Iterable[Row], stream: TextIO) -> None:
    """Write rows as a JSON list of objects, one a line."""
    lead = "["
    for row in found:
        text = json.dumps({name: row.get(name) for name in columns}, allow_nan=False)
        stream.write(f"{lead}\n{text}".replace("\x7f", "\\u007f"))
        lead = ","
    stream.write("[]\n" if lead == "[" else "\n]\n")


def write_markdown(columns: Columns, found: Iterable[Row], stream: TextIO) -> None:
    """Write rows as a Markdown table of the columns that people read."""
    shown = [name for name in (*_SHOWN, *_ROUND) if name in columns]
    stream.write(f"| {' | '.join(shown)} |\n| {' | '.join('---' for _ in shown)} |\n")
    for row in found:
        stream.write(f"| {' | '.join(_text(row.get(name)) for name in shown)} |\n")


def _text(value: Fact) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else markdown(str(value))
