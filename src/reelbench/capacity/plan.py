"""From a scenario to devices, days, energy and money: composes the equations of this room.

Everything here is arithmetic on estimates, written once: the same code gives the answer with its
variance by input, a sweep over thousands of points, and what would change if a limit were doubled.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reelbench.capacity import energy, feed
from reelbench.capacity.costing import device_power, powers_of, priced
from reelbench.capacity.estimate import Estimate, maximum, minimum
from reelbench.capacity.failing import Failing
from reelbench.capacity.footage import curation_time, demanded
from reelbench.capacity.outcome import Plan, PlanError, Relief, Training
from reelbench.capacity.scenario import Scenario
from reelbench.capacity.training import is_of_system, train


def plan(scenario: Scenario[Estimate], relief: Relief | None = None) -> Plan:
    """Work out a scenario.

    Args:
        scenario: With draws in place of texts.
        relief: Limits to loosen; none in a plan as it is.

    Raises:
        PlanError: Something that the answer needs is missing.
    """
    relief = relief or Relief()
    if not scenario.model:
        raise PlanError("field `model`: is missing; say what is to be trained")
    count = scenario.device.count
    if count is None:
        raise PlanError("field `device.count`: is missing; give it, or ask with --devices-for")
    footage = demanded(scenario)
    drawn = device_power(scenario)
    powers = None if drawn is None else powers_of(scenario, drawn)
    at_boundary = None if powers is None else powers[scenario.power.boundary]
    devices, cap_share = count, None
    if scenario.power.site_cap is not None:
        if at_boundary is None:
            raise PlanError("field `power.site_cap`: needs device.power or power.measured")
        within: Estimate = np.floor(
            energy.devices_within(scenario.power.site_cap * relief.power, at_boundary)
        )
        devices, cap_share = maximum(minimum(count, within), 1), count / within
    failing = Failing.of(scenario, devices, relief)
    trainings = tuple(
        train(scenario, model, footage, devices, failing, relief) for model in scenario.model
    )
    busy = _sum([each.wall for each in trainings])
    curation = curation_time(scenario, footage, devices, relief)
    if curation is not None:
        busy = busy + curation
    wall, ingest = busy, None
    if scenario.network.ingest is not None and footage.size is not None:
        ingest = footage.size / (scenario.network.ingest * relief.uplink)
        # Video may arrive more slowly than it is trained on; devices are paid for while they work.
        wall = maximum(busy, ingest)
    used = devices * busy
    floor = None
    if footage.size is not None and scenario.feed.storage_bandwidth is not None:
        floor = feed.epoch_floor(footage.size, scenario.feed.storage_bandwidth * relief.storage)
    peak = scenario.device.peak.get(scenario.device.format)
    result = Plan(
        devices=devices,
        time=wall,
        device_time=used,
        trainings=trainings,
        demand=footage,
        curation=curation,
        ingest=ingest,
        epoch_floor=floor,
        peak=None if peak is None else peak * devices,
        goodput=failing.share,
        mttf=failing.mttf,
        interval=failing.interval,
        cap_share=cap_share,
        notes=_notes(scenario, trainings),
    )
    if powers is not None and drawn is not None and at_boundary is not None:
        result = replace(
            result,
            device_power=drawn,
            power=at_boundary * devices,
            energy=at_boundary * used,
            device_energy=powers["device"] * used,
            server_energy=powers["server"] * used,
        )
    return priced(result, scenario, powers)


def _sum(values: Sequence[Estimate]) -> Estimate:
    return functools.reduce(lambda one, other: one + other, values)


def _notes(scenario: Scenario[Estimate], trainings: Sequence[Training]) -> tuple[str, ...]:
    notes = []
    for model, each in zip(scenario.model, trainings, strict=True):
        if is_of_system(model):
            notes.append(
                f"{model.name}: communication, bubbles and stragglers are in its MFU, which is "
                "taken to hold for any number of devices."
            )
        elif each.communication is None and each.basis != "published":
            notes.append(
                f"{model.name}: communication is left out; batch and parameters would tell it."
            )
        if each.layout.fits is not None and not each.layout.fits.all():
            notes.append(f"{model.name}: does not fit into memory as it is split.")
        if each.layout.memory is not None and model.activations is None:
            notes.append(f"{model.name}: its memory is that of its state, without activations.")
        if each.layout.memory is None:
            notes.append(f"{model.name}: memory is not checked; parameters would tell it.")
    return tuple(notes)
