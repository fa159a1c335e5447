"""Which readings of the machine's health mean that something disturbed what was measured."""

from __future__ import annotations

import os
from dataclasses import dataclass

from reelbench.results.schema import Health
from reelbench.units import print_share

# Shares of the time of all usable CPUs. A quiet machine has others at 0.2 to 3 % (kernel threads,
# interrupts, a shell), so a tenth is never its own noise; what takes it costs a layer that uses
# every CPU about as much.
MOST_OTHERS_SHARE = 0.10
# On many CPUs one that is half taken counts too, whatever its share: a layer is split over all of
# them and waits for the slowest part.
MOST_OTHERS_CPUS = 0.5
# A VM whose host is not overbooked is left out for less than a hundredth of the time; at a
# twentieth a median of rounds moves by more than the 2 to 3 % that comparisons look for.
MOST_STEAL_SHARE = 0.05
# The quota stops every thread of the group until its period of 100 ms is over, so a hundredth is
# one stop of 10 ms in a second already; without a stop it is zero.
MOST_THROTTLED_SHARE = 0.01
# Boost clocks wander by a tenth, and a power cap holds big GPUs at 80 to 95 % of their maximum;
# three quarters is where nvbench, too, throws a reading away.
LEAST_CLOCK_SHARE = 0.75
# Reasons by which a GPU protects itself. A software power cap is not among them: it holds in every
# reading and is a property of the machine, which `reelbench doctor` tells.
PROTECTIVE = frozenset(
    {
        "hw_slowdown",
        "hw_thermal_slowdown",
        "sw_thermal_slowdown",
        "hw_power_brake_slowdown",
    }
)


@dataclass(frozen=True)
class Disturbance:
    """Something that disturbed a reading.

    Attributes:
        what: Its kind.
        how_much: Its amount, in words.
    """

    what: str
    how_much: str

    def __str__(self) -> str:
        return f"{self.what}: {self.how_much}"


def disturbances(health: Health, cpus: int | None = None) -> list[Disturbance]:
    """What disturbed the machine while it was watched, in the order in which it matters.

    Args:
        health: What was seen; what is unknown disturbs nothing.
        cpus: CPUs that this process may use; by default, those of this machine.
    """
    cpus = cpus or usable_cpus()
    shares = (
        ("others' CPU", health.others_share, most_others(cpus)),
        ("stolen by the hypervisor", health.steal_share, MOST_STEAL_SHARE),
        ("throttled by the CPU quota", health.throttled_share, MOST_THROTTLED_SHARE),
    )
    found = [
        Disturbance(what, print_share(share))
        for what, share, most in shares
        if share is not None and share > most
    ]
    if health.neighbours:
        found.append(Disturbance("other processes on the GPU", str(health.neighbours)))
    return found + _slowed(health)


def _slowed(health: Health) -> list[Disturbance]:
    reasons = [reason for reason in health.throttle_reasons if reason in PROTECTIVE]
    share = health.accelerator_clock_share
    if not reasons or (share is not None and share >= LEAST_CLOCK_SHARE):
        return []
    named = ", ".join(reason.replace("_", " ") for reason in reasons)
    if share is None:
        return [Disturbance("GPU slowed down", named)]
    return [Disturbance("GPU slowed down", f"{print_share(share)} of its clock, {named}")]


def most_others(cpus: float) -> float:
    """The largest share of all usable CPUs' time that others may take without disturbing."""
    return min(MOST_OTHERS_SHARE, MOST_OTHERS_CPUS / cpus)


def usable_cpus() -> int:
    """CPUs that this process may use, by its affinity."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
