"""The video of a scenario: what its fleet records, or its corpus holds, after curation."""

from __future__ import annotations

from dataclasses import replace

from reelbench.capacity import demand as video
from reelbench.capacity.estimate import Estimate, constant
from reelbench.capacity.outcome import Demand, PlanError, Relief
from reelbench.capacity.quantities import dimension_of
from reelbench.capacity.scenario import Scenario

_DAY = constant(86400.0, dimension_of("s"))


def demanded(scenario: Scenario[Estimate]) -> Demand:
    """The video that a scenario's fleet or corpus has."""
    found = Demand()
    if scenario.fleet is not None and scenario.corpus is not None:
        raise PlanError("fields `fleet` and `corpus`: give one of them")
    if fleet := scenario.fleet:
        kept = fleet.recording * fleet.uploaded
        frames = video.fleet_frames(fleet.vehicles, fleet.cameras, fleet.frame_rate, kept)
        arriving = video.fleet_bytes(fleet.vehicles, fleet.cameras, fleet.bitrate, kept)
        clips = fleet.vehicles * kept / fleet.clip_length * fleet.collected
        size = arriving * fleet.collected
        found = Demand(
            clips,
            clips,
            size,
            size / clips,
            frames * _DAY,
            arriving * _DAY,
            fleet.cameras * fleet.frame_rate * fleet.clip_length,
        )
    elif corpus := scenario.corpus:
        clips_ = corpus.clips
        if clips_ is None and corpus.hours is not None and corpus.clip_length is not None:
            clips_ = corpus.hours / corpus.clip_length
        size_, each = corpus.size, corpus.clip_size
        if size_ is None and each is not None and clips_ is not None:
            size_ = each * clips_
        if each is None and size_ is not None and clips_ is not None:
            each = size_ / clips_
        frames_ = None
        if corpus.frame_rate is not None and corpus.clip_length is not None:
            frames_ = corpus.frame_rate * corpus.clip_length
        found = Demand(clips_, clips_, size_, each, frames_per_clip=frames_)
    if scenario.curation is not None:
        kept = scenario.curation.kept
        found = replace(
            found,
            clips=None if found.clips is None else found.clips * kept,
            size=None if found.size is None else found.size * kept,
        )
    return found


def curation_time(
    scenario: Scenario[Estimate], found: Demand, devices: Estimate, relief: Relief
) -> Estimate | None:
    """Seconds in which all devices curate the raw clips; None where that takes none."""
    if scenario.curation is None or scenario.curation.device_time is None:
        return None
    if found.raw_clips is None:
        raise PlanError("field `curation.device_time`: needs the clips of a fleet or corpus")
    return found.raw_clips * scenario.curation.device_time / (devices * relief.compute)
