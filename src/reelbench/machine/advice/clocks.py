"""Advice on what moves the CPUs' clocks: battery, governor, boost."""

from __future__ import annotations

from collections.abc import Iterator

from reelbench.machine.advice.row import Advice, Seen, Severity
from reelbench.units import print_share


def advice(seen: Seen) -> Iterator[Advice]:
    """See `reelbench.machine.advice`."""
    settings = seen.settings
    if settings.battery_share is not None:
        yield Advice(
            Severity.DISTURBS,
            f"the machine runs from its battery ({print_share(settings.battery_share)} left)",
            "clocks are kept low to save it",
            "plug it in",
        )
    governor = seen.facts.get("cpu_governor")
    if governor not in (None, "", "performance"):
        yield Advice(
            Severity.CHANGES,
            f"the CPU frequency governor is {governor}",
            "clocks rise only some time after work begins",
            "sudo cpupower frequency-set -g performance",
        )
    if settings.boost:
        off = "1" if settings.boost.endswith("no_turbo") else "0"
        yield Advice(
            Severity.NOTE,
            "the CPUs' boost clocks (turbo) are on",
            "clocks depend on how warm it is and on how many CPUs are busy",
            f"echo {off} | sudo tee /sys/devices/system/cpu/{settings.boost}, for steadier times",
        )
