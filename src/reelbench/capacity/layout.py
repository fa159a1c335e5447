"""How a model is split over devices so that it fits into their memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reelbench.capacity import step
from reelbench.capacity.estimate import Estimate, constant, maximum
from reelbench.capacity.outcome import Layout, Relief
from reelbench.capacity.quantities import dimension_of
from reelbench.capacity.scenario import Model, Scenario

_TENSOR, _STAGES = (1, 2, 4, 8), (1, 2, 4, 8, 16, 32, 64, 128)


def layout_of(
    scenario: Scenario[Estimate], model: Model[Estimate], devices: Estimate, relief: Relief
) -> Layout:
    """The least split that fits into memory, or the given one; chosen at the medians."""
    given = scenario.parallel
    tensor = _TENSOR if given.tensor is None else (_middle(given.tensor),)
    stages = _STAGES if given.pipeline is None else (_middle(given.pipeline),)
    if model.parameters is None or scenario.device.memory is None:
        if given.tensor is None and given.pipeline is None:
            return Layout(np.ones((1, 1)), np.ones((1, 1)))
        return Layout(np.asarray(tensor[0]), np.asarray(stages[0]))
    there = scenario.device.memory * relief.memory * scenario.parallel.memory_used
    best: Layout | None = None
    for t, p in sorted(
        ((t, p) for t in tensor for p in stages), key=lambda s: (np.max(s[0] * s[1]), np.max(s[1]))
    ):
        need = _memory(scenario, model, devices, t, p)
        fits = np.median(np.atleast_2d((there / need).rows), axis=-1, keepdims=True) >= 1
        if need.inputs or there.inputs:
            fits = fits[:1]
        layout = Layout(np.broadcast_to(t, fits.shape), np.broadcast_to(p, fits.shape), need, fits)
        best = layout if best is None else _better(best, layout)
        if best.fits is not None and best.fits.all():
            break
    assert best is not None
    need = _memory(scenario, model, devices, best.tensor, best.pipeline)
    return replace(best, memory=need / there)


def _middle(estimate: Estimate) -> Any:
    rows = estimate.rows[:1] if estimate.inputs else estimate.rows
    return np.median(rows, axis=-1, keepdims=True)


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
    tensor: Any,
    stages: Any,
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
