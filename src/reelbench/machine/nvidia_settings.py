"""How NVIDIA GPUs are set up, read with nvidia-smi; nothing is ever set."""

from __future__ import annotations

from dataclasses import dataclass

from reelbench.machine import nvidia

_FIELDS = ("power.limit", "power.default_limit", "persistence_mode", "mig.mode.current")


@dataclass(frozen=True)
class GpuSettings:
    """The settings of one GPU; None is unknown.

    Attributes:
        power_cap_w: Power that it may draw.
        default_cap_w: Power that it may draw as it is shipped.
        persistence: Whether its driver stays loaded between processes.
        sliced: Whether it is cut into slices (MIG).
    """

    power_cap_w: float | None = None
    default_cap_w: float | None = None
    persistence: bool | None = None
    sliced: bool | None = None


def read() -> list[GpuSettings]:
    """The GPUs that this process may use; none where nvidia-smi does not answer."""
    if nvidia.hidden() or not nvidia.facts():
        return []
    return [_settings(*row) for row in nvidia.query("gpu", _FIELDS) or ()]


def _settings(cap: str, default_cap: str, persistence: str, sliced: str) -> GpuSettings:
    words = {"Enabled": True, "Disabled": False}
    return GpuSettings(
        power_cap_w=nvidia.number(cap),
        default_cap_w=nvidia.number(default_cap),
        persistence=words.get(persistence),
        sliced=words.get(sliced),
    )
