"""The rounds of one process in words, with what the machine did meanwhile."""

from __future__ import annotations

import statistics

from reelbench.report.tables import Cell, plain
from reelbench.results.schema import Health, Replicate, Visit
from reelbench.units import print_duration, print_rate, print_share, print_time


def replicate_rows(replicate: Replicate) -> list[tuple[Cell, Cell]]:
    """Names and values: the rounds, the machine, what disturbed them, readings taken again."""
    name, rounds = f"process {replicate.process}", replicate.rounds_s
    text = (
        f"{len(rounds)} rounds of {replicate.iterations}, {print_time(min(rounds))} to "
        f"{print_time(max(rounds))}, median {print_time(statistics.median(rounds))}; "
        f"{len(replicate.warmup_s)} warm-up calls; place {replicate.order} in its process"
    )
    rows = [(plain(name), plain(text))]
    rows += [_visit_row(name, each) for each in replicate.later]
    if replicate.health:
        rows.append((plain(f"{name}: machine"), plain(health_text(replicate.health))))
    if replicate.disturbed:
        rows.append((plain(f"{name}: disturbed"), plain(", ".join(replicate.disturbed))))
    if replicate.retries:
        words = f"{replicate.retries}, as earlier readings were disturbed"
        rows.append((plain(f"{name}: retries"), Cell(replicate.retries, words)))
    return rows


def _visit_row(name: str, visit: Visit) -> tuple[Cell, Cell]:
    rounds = visit.rounds_s
    text = (
        f"{print_duration(visit.after_s)} later: {len(rounds)} rounds, {print_time(min(rounds))} "
        f"to {print_time(max(rounds))}, median {print_time(statistics.median(rounds))}"
    )
    if visit.disturbed:
        text += f"; disturbed, {', '.join(visit.disturbed)}"
    return plain(f"{name}: visited again"), plain(text)


def health_text(health: Health) -> str:
    """Every reading that is known, in one line; what is unknown is left out."""
    shares = (
        ("others' CPU", health.others_share),
        ("stolen", health.steal_share),
        ("throttled", health.throttled_share),
    )
    parts = [f"{name} {print_share(share)}" for name, share in shares if share is not None]
    if health.load_1m is not None:
        parts.append(f"load {health.load_1m:.2f}")
    if health.clock_hz is not None:
        parts.append(f"CPU at {print_rate(health.clock_hz, 'Hz')}")
    if health.accelerator_clock_share is not None:
        parts.append(f"accelerator at {print_share(health.accelerator_clock_share)} of its clock")
    if health.throttle_reasons:
        named = ", ".join(reason.replace("_", " ") for reason in health.throttle_reasons)
        parts.append(f"held down by {named}")
    if health.accelerator_power_w is not None:
        parts.append(f"{health.accelerator_power_w:.0f} W")
    if health.accelerator_temperature_c is not None:
        parts.append(f"{health.accelerator_temperature_c:.0f} °C")
    if health.neighbours is not None:
        parts.append(f"other processes on it: {health.neighbours}")
    return f"watched {print_duration(health.seconds)}: {', '.join(parts) or 'nothing is known'}"
