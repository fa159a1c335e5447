"""How a model is split over devices so that it fits into their memory."""

from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec
import numpy as np

from reelbench.capacity import step
from reelbench.capacity.estimate import Array, Estimate, constant, maximum
from reelbench.capacity.outcome import Layout, Relief
from reelbench.capacity.quantities import dimension_of
from reelbench.capacity.scenario import Model, Scenario

# Splits that are tried: tensor parallelism inside a node, stages in powers of two.
_TENSORS = tuple(np.full((1, 1), 2.0**power) for power in range(4))
_STAGES = tuple(np.full((1, 1), 2.0**power) for power in range(8))


def nodes_of(scenario: Scenario[Estimate], devices: Estimate) -> Estimate:
    """Nodes of so many devices, begun ones counted whole."""
    per_node = scenario.device.per_node
    nodes: Estimate = devices if per_node is None else np.ceil(devices / per_node)
    return maximum(nodes, 1)


def layout_of(
    scenario: Scenario[Estimate], model: Model[Estimate], devices: Estimate, relief: Relief
) -> Layout:
    """The least split that fits into memory, or the given one; chosen at the medians."""
    given = scenario.parallel
    tensor = _TENSORS if given.tensor is None else (given.tensor.middle.rows,)
    stages = _STAGES if given.pipeline is None else (given.pipeline.middle.rows,)
    if model.parameters is None or scenario.device.memory is None:
        one = np.ones((1, 1))
        return Layout(
            one if given.tensor is None else tensor[0],
            one if given.pipeline is None else stages[0],
        )
    there = scenario.device.memory * relief.memory * scenario.parallel.memory_used
    typical, many, room = _typical(model), devices.middle, there.middle
    best: Layout | None = None
    for across, along in sorted(itertools.product(tensor, stages), key=_devices_of):
        fits = (room / _memory(scenario, typical, many, across, along)).rows >= 1
        tried = Layout(
            np.broadcast_to(across, fits.shape), np.broadcast_to(along, fits.shape), fits=fits
        )
        best = tried if best is None else _better(best, tried)
        if best.fits is not None and best.fits.all():
            break
    assert best is not None
    need = _memory(scenario, model, devices, best.tensor, best.pipeline)
    return replace(best, memory=need / there)


def _devices_of(split: tuple[Array, Array]) -> tuple[float, float]:
    """Order of splits: the fewest devices first, of those the fewest stages."""
    tensor, stages = split
    return float(np.max(tensor * stages)), float(np.max(stages))


def _typical(model: Model[Estimate]) -> Model[Estimate]:
    """The model with medians for what memory depends on."""
    names = ("parameters", "state_size", "activations", "batch", "device_batch")
    given = {name: getattr(model, name) for name in names}
    return msgspec.structs.replace(
        model, **{name: each.middle for name, each in given.items() if each is not None}
    )


def _better(old: Layout, new: Layout) -> Layout:
    keep = old.fits
    assert keep is not None
    assert new.fits is not None
    return Layout(
        np.where(keep, old.tensor, new.tensor),
        np.where(keep, old.pipeline, new.pipeline),
        None,
        keep | new.fits,
    )


def _memory(
    scenario: Scenario[Estimate],
    model: Model[Estimate],
    devices: Estimate,
    tensor: Array,
    stages: Array,
) -> Estimate:
    split = tensor * stages
    replicas = maximum(devices / split, 1)
    shards = replicas if scenario.parallel.sharded else constant(1.0)
    kept = constant(0.0, dimension_of("B"))
    if model.activations is not None:
        item = dimension_of("B") / model.activations.dimension
        batch = model.device_batch
        if batch is not None and batch.dimension == item:
            kept = model.activations * batch * split
        elif model.batch is not None and model.batch.dimension == item:
            kept = model.activations * model.batch / replicas
    result: Estimate = step.memory_per_device(
        model.parameters, model.state_size, split, shards, kept
    )
    return result
