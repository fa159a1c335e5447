"""One model's trainings on all devices: compute, communication, input, failures."""

from __future__ import annotations

import functools

import numpy as np

from reelbench.capacity import feed, step
from reelbench.capacity.estimate import Array, Estimate, choose, constant, maximum
from reelbench.capacity.failing import Failing
from reelbench.capacity.layout import layout_of, nodes_of
from reelbench.capacity.outcome import Demand, Relief, Training
from reelbench.capacity.scenario import Model, Scenario
from reelbench.capacity.work import Work, device_time, flops_of, work_of

_MICROBATCHES = 4  # for each stage, where the scenario does not say: a bubble of a fifth


def train(
    scenario: Scenario[Estimate],
    model: Model[Estimate],
    demanded: Demand,
    devices: Estimate,
    failing: Failing,
    relief: Relief,
) -> Training:
    """Work out all trainings of one model.

    Raises:
        PlanError: Something that they need is missing.
    """
    work = work_of(scenario, model, demanded)
    ideal, basis, why = device_time(scenario, model, work)
    ideal = ideal / relief.compute
    layout = layout_of(scenario, model, devices, relief)
    split = layout.tensor * layout.pipeline
    nodes = nodes_of(scenario, devices)
    compute = ideal / maximum(devices, split)
    # A published device time, or MFU, of a whole system is of devices that wait for each other.
    alone = model.device_time is None and not is_of_system(model)
    if alone and np.any(layout.tensor > 1):
        compute = compute / scenario.parallel.tensor_efficiency ** constant(np.log2(layout.tensor))
    if alone and np.any(layout.pipeline > 1):
        given = scenario.parallel.microbatches
        microbatches = constant(_MICROBATCHES * layout.pipeline) if given is None else given
        compute = compute * step.pipeline_factor(microbatches, constant(layout.pipeline))
    if alone and scenario.reliability.straggling is not None:
        compute = compute * step.straggler_factor(scenario.reliability.straggling, nodes)
    time, communication = compute, None
    if alone and work.steps is not None and model.parameters is not None:
        each = _communication(scenario, model, devices, nodes, split, relief)
        one = compute / work.steps
        time = work.steps * step.overlapped(one, each, scenario.network.overlap)
        communication = each / one
    fed = _feeds(scenario, model, demanded, work, devices, relief)
    waiting = None
    if fed:
        slowest = functools.reduce(maximum, fed.values())
        waiting = slowest / time
        time = maximum(time, slowest)
    wall = time / failing.share
    count = _product(model.networks, model.trainings)
    return Training(
        model=model.name,
        basis=basis,
        why=why,
        device_time=ideal * count,
        compute=compute * count,
        wall=wall * count,
        share=failing.share,
        layout=layout,
        trainings=count,
        epochs=work.epochs,
        clips=None if work.clips is None else work.clips * count,
        waiting=waiting,
        storage=_ratio(fed.get("storage"), compute),
        decoding=_ratio(fed.get("decoding"), compute),
        host_link=_ratio(fed.get("host_link"), compute),
        communication=communication,
        flops=flops_of(model, work, "") * count if basis == "estimated" else None,
        cadence=None if model.retrain_every is None else wall * count / model.retrain_every,
    )


def is_of_system(model: Model[Estimate]) -> bool:
    """Whether the model's MFU is one of a whole system; so is one that is given without a word."""
    return model.mfu is not None and model.mfu_of != "device"


def _ratio(time: Estimate | None, compute: Estimate) -> Estimate | None:
    return None if time is None else time / compute


def _product(*factors: Estimate | None) -> Estimate:
    result = constant(1.0)
    for each in factors:
        if each is not None:
            result = result * each
    return result


def _communication(
    scenario: Scenario[Estimate],
    model: Model[Estimate],
    devices: Estimate,
    nodes: Estimate,
    split: Array,
    relief: Relief,
) -> Estimate:
    """Seconds a step of averaging gradients over the replicas."""
    network = scenario.network
    outside = network.bandwidth * network.efficiency * relief.network  # type: ignore[operator]
    inside = scenario.device.link
    bandwidth = outside if inside is None else choose(nodes > 1, outside, inside * relief.network)
    replicas = maximum(devices / constant(split), 1)
    size = model.parameters * model.gradient_size / constant(split)  # type: ignore[operator]
    reduce = step.ring_all_reduce if scenario.parallel.schedule == "ring" else step.tree_all_reduce
    result: Estimate = reduce(size, replicas, bandwidth, network.latency / relief.network)  # type: ignore[operator]
    return result


def _feeds(
    scenario: Scenario[Estimate],
    model: Model[Estimate],
    demanded: Demand,
    work: Work,
    devices: Estimate,
    relief: Relief,
) -> dict[str, Estimate]:
    """Seconds that each way in needs for one training's clips."""
    found: dict[str, Estimate] = {}
    if work.clips is None:
        return found
    way = scenario.feed
    size = model.clip_size if model.clip_size is not None else demanded.clip_size
    if way.storage_bandwidth is not None and size is not None:
        rate = feed.storage_rate(way.storage_bandwidth * relief.storage, size)
        found["storage"] = work.clips / rate
    frames = model.frames_per_clip
    if None not in (way.decode_cores, way.decode_rate, way.decode_excess) and frames is not None:
        cores = way.decode_cores * devices * relief.decoding
        rate = feed.decode_rate(cores, way.decode_rate, frames, way.decode_excess)
        found["decoding"] = work.clips / rate
    if way.host_link is not None and way.decoded_size is not None:
        rate = feed.host_link_rate(way.host_link * relief.host_link, way.decoded_size, devices)
        found["host_link"] = work.clips / rate
    return found
