"""Advice on NVIDIA GPUs: who else uses them, what holds their clocks down, how they are set."""

from __future__ import annotations

from collections.abc import Iterator

from reelbench.machine.advice.row import Advice, Seen, Severity
from reelbench.machine.disturbances import PROTECTIVE
from reelbench.units import print_share

# What each reason for a lower clock means, and what to do about it.
_MEANINGS = {
    "hw_thermal_slowdown": ("it is too hot and halves its clock or more", "see to its cooling"),
    "sw_thermal_slowdown": ("it is hot and lowers its clock", "see to its cooling"),
    "hw_power_brake_slowdown": (
        "the server's power supply orders it to slow down",
        "see to the server's power supply, or end what other GPUs in it do",
    ),
    "hw_slowdown": (
        "it is too hot or its power supply is too weak",
        "nvidia-smi -q -d PERFORMANCE says which",
    ),
    "sw_power_cap": (
        "it reached its power cap: clocks follow what the layer draws",
        "nothing; compare only runs under the same cap",
    ),
    "applications_clocks_setting": (
        "somebody fixed its clocks",
        "sudo nvidia-smi -rac; sudo nvidia-smi -rgc",
    ),
    "sync_boost": (
        "it keeps the clock of the slowest GPU in its group",
        "take it out of the group with DCGM",
    ),
    "display_clocks_setting": ("its display limits its clock", "measure without a display"),
}


def advice(seen: Seen) -> Iterator[Advice]:
    """See `reelbench.machine.advice`."""
    health = seen.health
    if health.neighbours:
        yield Advice(
            Severity.DISTURBS,
            f"other processes compute on the GPU: {health.neighbours}",
            "they take turns with what is measured, and memory",
            "end them or wait; nvidia-smi shows them",
        )
    for reason in sorted(health.throttle_reasons, key=_place):
        meaning, do = _MEANINGS.get(reason, ("its driver lowers its clock", "nvidia-smi -q"))
        clock = health.accelerator_clock_share
        at = "" if clock is None else f", at {print_share(clock)} of its highest"
        yield Advice(
            Severity.DISTURBS if reason in PROTECTIVE else Severity.CHANGES,
            f"the GPU's clock is held down{at}: {reason.replace('_', ' ')}",
            meaning,
            do,
        )
    yield from _settings(seen)


def _place(reason: str) -> int:
    known = list(_MEANINGS)
    return known.index(reason) if reason in known else len(known)


def _settings(seen: Seen) -> Iterator[Advice]:
    capped = [
        (gpu.power_cap_w, gpu.default_cap_w)
        for gpu in seen.gpus
        if gpu.power_cap_w is not None
        and gpu.default_cap_w is not None
        and gpu.power_cap_w < gpu.default_cap_w
    ]
    if capped:
        cap, default = capped[0]
        yield Advice(
            Severity.CHANGES,
            f"{_of(len(capped), seen)} may draw {cap:.0f} W, and {default:.0f} W as shipped",
            "layers that compute a lot run at lower clocks",
            f"sudo nvidia-smi -pl {default:.0f}",
        )
    sliced = sum(gpu.sliced is True for gpu in seen.gpus)
    if sliced:
        named = f" ({', '.join(seen.slices)})" if seen.slices else ""
        yield Advice(
            Severity.CHANGES,
            f"{_of(sliced, seen)} is cut into slices by MIG{named}",
            "JAX gets one slice: what is measured is a part of the GPU",
            "choose the slice with CUDA_VISIBLE_DEVICES (nvidia-smi -L lists them)",
        )
    lost = sum(gpu.persistence is False for gpu in seen.gpus)
    if lost:
        yield Advice(
            Severity.NOTE,
            f"persistence mode is off on {_of(lost, seen)}",
            "the driver is loaded anew for each process, which delays its first calls",
            "sudo nvidia-smi -pm 1",
        )


def _of(count: int, seen: Seen) -> str:
    return "the GPU" if len(seen.gpus) == 1 else f"{count} of {len(seen.gpus)} GPUs"
