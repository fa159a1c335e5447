"""One piece of advice, and what advice is drawn from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from reelbench.machine.facts import Fact
from reelbench.machine.nvidia_settings import GpuSettings
from reelbench.machine.settings import Settings
from reelbench.results.schema import Health


class Severity(StrEnum):
    """How much it matters, the most first."""

    FAILS = "fails"  # nothing is measured, or on another device than is there
    DISTURBS = "disturbs"  # times are longer than the machine needs, or scatter
    CHANGES = "changes"  # times are steady, but of a machine that is set up unusually
    NOTE = "note"  # worth knowing when runs are compared


@dataclass(frozen=True)
class Advice:
    """One piece of advice.

    Attributes:
        severity: How much it matters.
        what: What was seen, with the figure.
        why: Why it matters.
        do: What to do, or the command to type.
        line: A line to copy that is too long for a column; what to do speaks of it.
    """

    severity: Severity
    what: str
    why: str
    do: str
    line: str = ""


@dataclass(frozen=True)
class Seen:
    """What is known of a machine.

    Attributes:
        facts: Those of `reelbench.machine.facts` and, where JAX starts, of its device.
        jax_error: Why JAX does not start.
        health: What the machine did while nothing was measured.
        busy: Other processes that were at work meanwhile; None if not counted.
        settings: How the machine is set up.
        gpus: How its NVIDIA GPUs are set up.
        slices: The slices that they are cut into.
        gpus_hidden: Whether the environment hides them.
        smallest_visible: The smallest slowdown, as a share, that its newest self-test could see.
        after_pause: Time of work after a pause over that without one; None if not measured.
        after_pause_awake: The same with the CPUs kept awake.
        selftest_error: Why that self-test cannot be read.
    """

    facts: Mapping[str, Fact]
    jax_error: str = ""
    health: Health = field(default_factory=lambda: Health(seconds=0.0))
    busy: int | None = None
    settings: Settings = field(default_factory=Settings)
    gpus: Sequence[GpuSettings] = ()
    slices: Sequence[str] = ()
    gpus_hidden: bool = False
    smallest_visible: float | None = None
    after_pause: float | None = None
    after_pause_awake: float | None = None
    selftest_error: str = ""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the environment's variables that change how JAX runs."""
        return tuple(re.findall(r"(?:^| )([A-Z][A-Z0-9_]*)=", str(self.facts.get("environment"))))

    def number(self, name: str) -> float | None:
        """A fact that is a number."""
        value = self.facts.get(name)
        return float(value) if isinstance(value, int | float) else None


def plural(count: int, one: str, many: str) -> str:
    """A count with its noun, such as ``2 CPUs``."""
    return f"{count} {one if count == 1 else many}"
