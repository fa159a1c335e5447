"""One run as tables: the machine, the layers, what was not measured, the ceilings."""

from __future__ import annotations

from reelbench.report.facts import PROPERTY_COLUMNS, ceiling_table, fact_cell, fact_label
from reelbench.report.layers import layer_table, outcome_table
from reelbench.report.tables import Cell, Table, plain
from reelbench.results.schema import Machine, Results, Run
from reelbench.units import print_duration, print_share, print_time

LAYERS = 1

# What a reader needs to judge a time by; `reelbench show --format json` has every fact.
_HEADER = (
    "accelerator", "accelerator_count", "cpu_model", "cpus_usable", "memory_bytes", "backend",
    "jax", "jaxlib", "matmul_precision", "xla_flags",
)  # fmt: skip


def run_tables(results: Results, name: str) -> tuple[Table, ...]:
    """Everything that a run says, in the order in which it is read; `LAYERS` is the main table.

    Args:
        results: The file's content.
        name: What to call it.
    """
    machine, run = results.machine_info.reelbench, results.reelbench
    outcomes = run.outcomes if run else []
    tables = [_header(results, name), layer_table(results.records, title="Layers")]
    unmeasured = outcome_table(results.records, outcomes)
    if unmeasured.rows or unmeasured.folded:
        tables.append(unmeasured)
    if machine and machine.ceilings:
        tables.append(ceiling_table(machine.ceilings))
    return tuple(tables)


def _header(results: Results, name: str) -> Table:
    machine, run = results.machine_info.reelbench, results.reelbench
    rows: list[tuple[Cell, Cell]] = []
    if machine:
        rows += _machine_rows(machine)
    if machine and machine.wander is not None:
        rows.append(_wander_row(machine.wander, run))
    if run:
        rows += _run_rows(run)
    if results.commit_info.id:
        dirty = " with uncommitted changes" if results.commit_info.dirty else ""
        rows.append((plain("commit"), plain(f"{results.commit_info.id[:12]}{dirty}")))
    notes = []
    if run and not run.complete:
        notes.append("The run was cut short: not every planned case has an outcome.")
    foreign = len(results.benchmarks) - len(results.records)
    if foreign:
        notes.append(f"Not shown, as they hold no reelbench record: {foreign} benchmarks.")
    return Table(name, PROPERTY_COLUMNS, tuple(rows), tuple(notes))


def _machine_rows(machine: Machine) -> list[tuple[Cell, Cell]]:
    rows = [(plain("machine"), plain(machine.id))]
    rows += [
        (plain(fact_label(fact)), fact_cell(fact, machine.facts[fact]))
        for fact in _HEADER
        if machine.facts.get(fact) not in (None, "")
    ]
    if machine.floor_s is not None:
        text = print_time(machine.floor_s)
        if machine.cold_floor_s is not None:
            text += f"; {print_time(machine.cold_floor_s)} with the caches emptied"
        rows.append((plain("empty call"), Cell(machine.floor_s, text)))
    if machine.overhead_s is not None:
        # Where noise is larger than what there is to see, its sign means nothing.
        text = print_time(max(machine.overhead_s, 0.0))
        rows.append((plain("harness adds a call"), Cell(machine.overhead_s, text)))
    return rows


def _wander_row(wander: float, run: Run | None) -> tuple[Cell, Cell]:
    """How far the speed wandered, and what tells it."""
    readings = min(map(len, run.standards.values()), default=0) if run else 0
    if run and run.sources:
        by = f"median of {len(run.sources)} runs"
    else:
        by = f"{readings} readings of check standards" if readings else "by its self-tests"
    return plain("speed wandered"), Cell(wander, f"± {print_share(wander)}; {by}")


def _run_rows(run: Run) -> list[tuple[Cell, Cell]]:
    rows = [
        (plain("measured"), plain(run.created)),
        (plain("took"), Cell(run.duration_s, print_duration(run.duration_s))),
        (plain("processes"), plain(len(run.processes))),
        (plain("reelbench"), plain(f"{run.version} (protocol {run.protocol})")),
    ]
    chosen = ", ".join(f"{key}={value}" for key, value in run.options.items() if value is not None)
    return [*rows, (plain("options"), plain(chosen))] if chosen else rows
