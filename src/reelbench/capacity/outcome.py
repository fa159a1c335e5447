"""What a plan says: the answer, each model's part in it, and the video that it is about."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reelbench.capacity.errors import CapacityError
from reelbench.capacity.estimate import Array, Estimate

Basis = Literal["measured", "published", "estimated", "extrapolated"]


class PlanError(CapacityError):
    """A scenario that lacks what its answer needs; the message names the field."""


@dataclass(frozen=True)
class Relief:
    """By how much each limit is loosened: 2 for twice as much of it. All are 1 in a plan."""

    compute: float = 1.0
    memory: float = 1.0
    network: float = 1.0
    storage: float = 1.0
    decoding: float = 1.0
    host_link: float = 1.0
    uplink: float = 1.0
    reliability: float = 1.0
    power: float = 1.0


@dataclass(frozen=True)
class Demand:
    """How much video there is to train on; None where the scenario does not say."""

    clips: Estimate | None = None
    raw_clips: Estimate | None = None
    size: Estimate | None = None
    clip_size: Estimate | None = None
    frames_per_day: Estimate | None = None
    bytes_per_day: Estimate | None = None
    frames_per_clip: Estimate | None = None


@dataclass(frozen=True)
class Layout:
    """How a model is split over devices."""

    tensor: Array
    pipeline: Array
    memory: Estimate | None = None
    fits: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Training:
    """One model's trainings, all of them together.

    Attributes:
        device_time: Of the work alone, on devices that never wait and never fail, in s.
        wall: From start to end on all devices, in s.
        share: Of the wall time that is progress.
        waiting: How much longer the input takes than compute: above 1 the input binds.
        communication: Seconds a step that communication takes, over those of compute.
        clips: Clips trained on.
        cadence: Share of the time that the trainings take, where they are repeated.
    """

    model: str
    basis: Basis
    why: str
    device_time: Estimate
    compute: Estimate
    wall: Estimate
    share: Estimate
    layout: Layout
    trainings: Estimate
    epochs: Estimate | None = None
    clips: Estimate | None = None
    items: Estimate | None = None
    waiting: Estimate | None = None
    storage: Estimate | None = None
    decoding: Estimate | None = None
    host_link: Estimate | None = None
    communication: Estimate | None = None
    flops: Estimate | None = None
    cadence: Estimate | None = None


@dataclass(frozen=True)
class Plan:
    """The answer; None where the scenario does not give what it needs."""

    devices: Estimate
    time: Estimate
    device_time: Estimate
    trainings: tuple[Training, ...]
    demand: Demand
    curation: Estimate | None = None
    ingest: Estimate | None = None
    epoch_floor: Estimate | None = None
    peak: Estimate | None = None
    goodput: Estimate | None = None
    mttf: Estimate | None = None
    interval: Estimate | None = None
    device_power: Estimate | None = None
    power: Estimate | None = None
    energy: Estimate | None = None
    device_energy: Estimate | None = None
    server_energy: Estimate | None = None
    cost: Estimate | None = None
    rent_rate: Estimate | None = None
    own_rate: Estimate | None = None
    own_full_rate: Estimate | None = None
    rent: Estimate | None = None
    own: Estimate | None = None
    break_even: Estimate | None = None
    capital: Estimate | None = None
    book_value: Estimate | None = None
    cap_share: Estimate | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def clips(self) -> Estimate | None:
        """Clips of all trainings, where every one says how many."""
        return total([each.clips for each in self.trainings])

    @property
    def flops(self) -> Estimate | None:
        """Model FLOPs of all trainings, where every one is worked out from them."""
        return total([each.flops for each in self.trainings])

    @property
    def cost_per_clip(self) -> Estimate | None:
        """Of a clip seen once."""
        return None if self.cost is None or self.clips is None else self.cost / self.clips

    @property
    def cost_per_epoch(self) -> Estimate | None:
        """Of all trainings, over their epochs, where there is one model."""
        if self.cost is None or len(self.trainings) != 1 or self.trainings[0].epochs is None:
            return None
        return self.cost / (self.trainings[0].epochs * self.trainings[0].trainings)

    @property
    def cost_per_training(self) -> Estimate | None:
        """Of one trained network."""
        count = total([each.trainings for each in self.trainings])
        return None if self.cost is None or count is None else self.cost / count

    @property
    def cadence(self) -> Estimate | None:
        """Share of the time that repeated trainings keep the devices busy."""
        return total([each.cadence for each in self.trainings if each.cadence is not None])

    def estimates(self) -> dict[str, Estimate]:
        """Every figure of the answer by name."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        found |= {
            name: getattr(self, name)
            for name in (
                "flops",
                "clips",
                "cost_per_clip",
                "cost_per_epoch",
                "cost_per_training",
                "cadence",
            )
        }
        for part in fields(self.demand):
            found[f"demand.{part.name}"] = getattr(self.demand, part.name)
        for training in self.trainings:
            for part in fields(training):
                found[f"{training.model}.{part.name}"] = getattr(training, part.name)
        return {name: value for name, value in found.items() if isinstance(value, Estimate)}


def total(values: Sequence[Estimate | None]) -> Estimate | None:
    """The sum; None unless every value is known."""
    known = [each for each in values if each is not None]
    if not known or len(known) < len(values):
        return None
    return functools.reduce(lambda one, other: one + other, known)
