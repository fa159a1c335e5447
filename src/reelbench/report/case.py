"""Everything that is known of one case, as a table of properties."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reelbench.report.facts import PROPERTY_COLUMNS
from reelbench.report.layers import outcome_text, rate_cell, share_cell
from reelbench.report.replicates import replicate_rows
from reelbench.report.tables import Cell, Table, plain
from reelbench.results.schema import (
    Benchmark,
    CaseOutcome,
    CaseRecord,
    ChosenOperation,
    Compilation,
    Identity,
    Memory,
    Rates,
    Stats,
    Timing,
    Work,
)
from reelbench.units import print_bytes, print_rate, print_share, print_time

Row = tuple[Cell, Cell]


def case_tables(
    benchmarks: Sequence[Benchmark], unmeasured: Sequence[CaseOutcome]
) -> tuple[Table, ...]:
    """One table a case: measured ones first, then those without a timing."""
    measured = [_measured(benchmark) for benchmark in benchmarks]
    return (*measured, *(_unmeasured(case) for case in unmeasured))


def _measured(benchmark: Benchmark) -> Table:
    record = benchmark.extra_info.reelbench
    if record is None:
        return Table(
            benchmark.fullname,
            PROPERTY_COLUMNS,
            tuple(_statistics(benchmark.stats)),
            ("It holds no reelbench record.",),
        )
    parts: Iterable[Iterable[Row]] = (
        _identity(record.identity),
        _judgement(record),
        _operations(record.operations),
        _timing(record.timing),
        _rates(record.rates),
        _work(record.work),
        _memory(record.memory),
        _compilation(record.compilation),
    )
    rows = tuple(row for part in parts for row in part)
    return Table(benchmark.fullname, PROPERTY_COLUMNS, rows, tuple(record.warnings))


def _unmeasured(case: CaseOutcome) -> Table:
    rows = [*_identity(case.identity), _words("outcome", outcome_text(case.outcome))]
    rows.append(_words("reason", case.reason))
    rows += [
        (plain(name), Cell(value, f"{value:,.6g}")) for name, value in sorted(case.numbers.items())
    ]
    advice = case.advice or case.outcome.advice
    return Table(case.name, PROPERTY_COLUMNS, tuple(rows), (advice,) if advice else ())


def _identity(identity: Identity) -> list[Row]:
    return [
        _words("layer", identity.layer),
        _words("family", identity.family),
        _words("preset", identity.preset),
        _words("pass", identity.pass_),
        _words("dtype", identity.dtype),
        (plain("batch"), plain(identity.batch)),
        _words("implementation", identity.implementation),
        _words("matmul precision", identity.precision),
        _words("mesh", identity.mesh or "one device"),
    ]


def _judgement(record: CaseRecord) -> list[Row]:
    return [
        _words("outcome", outcome_text(record.outcome)),
        _words("version", record.version),
    ]


def _operations(operations: Sequence[ChosenOperation]) -> list[Row]:
    """What computes each operation inside, and the times of what was tried."""
    rows = []
    for each in operations:
        tried = sorted(each.seconds.items(), key=lambda pair: pair[1])
        times = ", ".join(f"{name} {print_time(seconds)}" for name, seconds in tried)
        text = f"{each.text}: {each.implementation}" + (f" ({times})" if times else "")
        rows.append(_words(each.kind, text))
    return rows


def _timing(timing: Timing) -> list[Row]:
    rows = [
        _time("median", timing.median_s),
        _time("from", timing.low_s),
        _time("to", timing.high_s),
        _share("confidence", timing.confidence),
        _words("method", timing.method),
        (plain("drift"), Cell(timing.drift, _signed_share(timing.drift))),
        _time("device time", timing.device_s),
        _share("empty call's share", timing.floor_share),
        _time("caches emptied", timing.cold_s),
    ]
    return rows + [row for each in timing.replicates for row in replicate_rows(each)]


def _rates(rates: Rates) -> list[Row]:
    return [
        _rate("clips", rates.clips_per_s, "clips/s"),
        (plain("rate"), rate_cell(rates)),
        _rate("model FLOPs", rates.flops_per_s, "FLOP/s"),
        _rate("least bytes", rates.bytes_per_s, "B/s"),
        _time("least time by ceilings", rates.roofline_s),
        (plain("share of ceiling"), share_cell(rates.roofline_share)),
        _words("bound by", rates.bound or "–"),
    ]


def _work(work: Work) -> list[Row]:
    return [
        _rate("clips a call", work.clips),
        _rate("frames a call", work.frames),
        _rate("tokens a call", work.tokens),
        (plain("parameters"), Cell(work.parameters, f"{work.parameters:,}")),
        _rate("model FLOPs a call", work.model_flops, "FLOP"),
        _rate("XLA's FLOPs, loops once", work.xla_flops, "FLOP"),
        _size("least bytes a call", work.least_bytes),
        _size("XLA's bytes a call", work.xla_bytes),
        _size("kept for the backward pass", work.kept_bytes),
    ]


def _memory(memory: Memory) -> list[Row]:
    return [
        _size("memory needed", memory.needed_bytes),
        _size("of it arguments", memory.argument_bytes),
        _size("of it outputs", memory.output_bytes),
        _size("of it temporaries", memory.temporary_bytes),
        _size("memory available", memory.available_bytes),
    ]


def _compilation(compilation: Compilation) -> list[Row]:
    return [
        _time("tracing", compilation.trace_s),
        _time("lowering", compilation.lower_s),
        _time("compiling", compilation.compile_s),
        _words("persistent cache", "used" if compilation.persistent_cache else "off"),
        _words("program", compilation.program_sha256),
    ]


def _statistics(stats: Stats) -> list[Row]:
    return [
        _time("median", stats.median),
        _time("min", stats.min),
        _time("max", stats.max),
        _time("mean", stats.mean),
        (plain("rounds"), plain(stats.rounds)),
    ]


def _words(name: str, text: str) -> Row:
    return plain(name), plain(text)


def _time(name: str, seconds: float | None) -> Row:
    return plain(name), Cell(seconds, "–" if seconds is None else print_time(seconds))


def _share(name: str, share: float | None) -> Row:
    return plain(name), share_cell(share)


def _rate(name: str, value: float | None, unit: str = "") -> Row:
    return plain(name), Cell(value, "–" if value is None else print_rate(value, unit))


def _size(name: str, value: float | None) -> Row:
    return plain(name), Cell(value, "–" if value is None else print_bytes(value))


def _signed_share(share: float | None) -> str:
    return "–" if share is None else ("+" if share > 0 else "−") + print_share(abs(share))
