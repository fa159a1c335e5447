"""``reelbench doctor``: what is known of this machine, and what would disturb measuring on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reelbench.cli.arguments import FormatOption, answer
from reelbench.machine.facts import Fact, collect
from reelbench.machine.identity import machine_id
from reelbench.report.facts import fact_table
from reelbench.report.tables import Column, Table, plain
from reelbench.units import print_bytes

# A tenth of the processors busy with something else shows in the times; below half of one it is
# mostly the last command typed.
_BUSY, _LEAST_BUSY = 0.1, 0.5
# The smallest core layers need about a gibibyte with their gradients.
_LITTLE_MEMORY_BYTES = 2 * 2**30


def doctor(*, style: FormatOption = "table") -> None:
    """What is known of this machine, and what disturbs measuring.

    Args:
        style: How to write it.
    """
    facts = collect()
    trouble = _ask_jax(facts)
    found = [*trouble, *advice(facts)] or ["Nothing known disturbs measuring on this machine."]
    answer(
        [
            fact_table(f"This machine is {machine_id(facts)}", facts),
            Table(
                "Advice, the most important first",
                (Column("advice", "advice", give="fold"),),
                tuple((plain(text),) for text in found),
            ),
        ],
        style,
    )


def _ask_jax(facts: dict[str, Fact]) -> list[str]:
    """Add what JAX says of its device to the facts; return what keeps it from saying so."""
    if "jax" not in facts:
        return []
    try:
        from reelbench.machine import backend

        facts |= backend.facts(facts)
    except Exception as error:  # whatever a plugin of JAX raises is what the user must know
        reason = " ".join(str(error).split())[:200]
        return [f"JAX does not start ({type(error).__name__}: {reason}): nothing can be measured."]
    return []


def advice(facts: Mapping[str, Fact]) -> Iterator[str]:
    """What to do before measuring, the most important first.

    Args:
        facts: Those of `reelbench.machine.facts.collect`; advice needs only those that are there.
    """
    if "jax" not in facts:
        yield "JAX is not installed: pip install reelbench brings it; nothing is measured without."
    if facts.get("accelerator") and facts.get("backend") == "cpu":
        yield (
            f"JAX does not use the {facts['accelerator']}: install the jax build for it, "
            "or layers are measured on the CPU."
        )
    yield from _processors(facts)
    yield from _memory(facts)
    governor = facts.get("cpu_governor")
    if governor not in (None, "performance"):
        yield (
            f"The CPU frequency governor is {governor}: clocks change while measuring. "
            "Set it to performance (cpupower frequency-set -g performance)."
        )
    for name, what in (("xla_flags", "XLA_FLAGS"), ("environment", "The environment")):
        if facts.get(name):
            yield f"{what} changes how JAX runs ({facts[name]}): unset it unless you measure it."


def _processors(facts: Mapping[str, Fact]) -> Iterator[str]:
    usable, quota = _number(facts, "cpus_usable"), _number(facts, "cgroup_cpus")
    load = _number(facts, "load_1m")
    if load is not None and usable and load > max(_BUSY * usable, _LEAST_BUSY):
        yield (
            f"Other work is running: the load average of the last minute is {load:.1f} on "
            f"{usable:.0f} CPUs. Stop it or wait, and measure on a quiet machine."
        )
    if quota is not None and usable and quota < usable:
        yield (
            f"This container may use {quota:.3g} CPUs but sees {usable:.0f}: XLA starts a thread "
            f"for each and is throttled. Pin it, as with taskset -c 0-{max(int(quota) - 1, 0)}."
        )


def _memory(facts: Mapping[str, Fact]) -> Iterator[str]:
    free = _number(facts, "memory_available_bytes")
    if free is not None and free < _LITTLE_MEMORY_BYTES:
        yield f"Only {print_bytes(free)} of memory is free: most layers will not fit. Free some."


def _number(facts: Mapping[str, Fact], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) else None
