"""``reelbench doctor``: what is known of this machine, and what would disturb measuring on it."""

from __future__ import annotations

import math
import time
from pathlib import Path

from reelbench.cli.arguments import FormatOption, answer
from reelbench.machine import awake, nvidia, nvidia_settings, others, settings
from reelbench.machine.advice import Seen, advice
from reelbench.machine.advice.processors import MOST_AFTER_PAUSE
from reelbench.machine.facts import Fact, collect
from reelbench.machine.health import Watch
from reelbench.machine.identity import machine_id
from reelbench.report.advice import advice_table
from reelbench.report.facts import fact_table
from reelbench.results import noise
from reelbench.results.noise import SelfTest
from reelbench.results.read import ResultFileError
from reelbench.results.store import newest
from reelbench.selftest.judging import rejudged
from reelbench.units import print_share

ADVICE = 1  # place of the table that CSV carries

# Long enough for the kernel's counters, short enough to wait for.
_WATCHED_S = 1.0


def doctor(*, results: Path = Path("results"), style: FormatOption = "table") -> None:
    """What is known of this machine, and what disturbs measuring.

    The machine is watched for a second while nothing is measured; then a small product is timed
    after pauses. Nothing is ever set or stored.

    Args:
        results: Where self-tests are stored: RESULTS/MACHINE/selftest.
        style: How to write it.
    """
    facts = collect()
    error = _ask_jax(facts)
    after_pause, after_pause_awake = (None, None) if error else _pauses(facts)
    found, selftest_error = _newest_selftest(results, machine_id(facts))
    smallest = math.expm1(found.smallest_visible) if found else None
    before, watch = others.times(), Watch()
    time.sleep(_WATCHED_S)
    health = watch.end()
    seen = Seen(
        facts=facts,
        jax_error=error,
        health=health,
        busy=others.busy(before, others.times(), health.seconds),
        settings=settings.read(),
        gpus=nvidia_settings.read(),
        slices=nvidia.slices(),
        gpus_hidden=nvidia.hidden(),
        smallest_visible=smallest,
        after_pause=after_pause,
        after_pause_awake=after_pause_awake,
        selftest_error=selftest_error,
    )
    known = ""
    if found and smallest is not None:
        known = (
            f"This machine sees slowdowns from {print_share(smallest)} (self-test of "
            f"{found.paired.created_utc[:10]})."
        )
    answer(
        [
            fact_table(f"This machine is {machine_id(facts)}", facts),
            advice_table(advice(seen), known),
        ],
        style,
        main=ADVICE,
    )


def _ask_jax(facts: dict[str, Fact]) -> str:
    """Add what JAX says of its device to the facts; return what keeps it from saying so."""
    if "jax" not in facts:
        return ""
    try:
        from reelbench.machine import backend

        facts |= backend.facts(facts)
    except Exception as error:  # whatever a plugin of JAX raises is what the user must know
        reason = " ".join(str(error).split())[:200]
        return f"{type(error).__name__}: {reason}"
    return ""


def _pauses(facts: dict[str, Fact]) -> tuple[float | None, float | None]:
    """How much slower work is after a pause, and with the CPUs kept awake if that is much."""
    if facts.get("backend") != "cpu":
        return None, None
    from reelbench.machine import pauses

    found = pauses.slowed_by_pauses()
    if found <= MOST_AFTER_PAUSE or not awake.can_be_kept_awake():
        return found, None
    with awake.kept_awake():
        return found, pauses.slowed_by_pauses()


def _newest_selftest(results: Path, machine: str) -> tuple[SelfTest | None, str]:
    """The newest self-test of this machine, or why it cannot be read; neither if there is none."""
    path = newest(results / machine / noise.FOLDER, ".json")
    if path is None:
        return None, ""
    try:
        return rejudged(noise.load(path)), ""
    except ResultFileError as error:
        return None, str(error)
