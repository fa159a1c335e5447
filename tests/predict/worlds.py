"""Result files of a machine whose laws are known: what every layer takes follows from its work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from reelbench.catalogue.counted import Count
from reelbench.catalogue.models import Model
from reelbench.catalogue.models.steps import FAMILY, OPTIMIZERS, layers_of, parts_in_step
from reelbench.catalogue.preset import Preset
from reelbench.predict import counting
from reelbench.predict.parts import _UPDATE_BYTES, scaled
from reelbench.predict.rates import Rates, rates_of
from results import documents as make

MATMUL, MEMORY = 100e9, 10e9
"""Ceilings of the machine, FLOP/s and bytes/s."""

Law = Callable[[str, Count], float]


def machine(name: str = "known-2c-8g-00000000", matmul: float = MATMUL, memory: float = MEMORY,
            dtype: str = "float32", **facts: Any) -> make.Json:  # fmt: skip
    def ceiling(kind: str, rate: float, unit: str, sweep: dict[str, float]) -> make.Json:
        return {"kind": kind, "dtype": dtype, "precision": "default", "rate": rate, "unit": unit,
                "shape": "given", "sweep": sweep}  # fmt: skip

    ceilings = [
        ceiling("matmul", matmul, "FLOP/s", {"1x1x1": matmul}),
        ceiling("memory", memory, "B/s", {str(2**40): memory}),
    ]
    return make.machine(name, **facts) | {"ceilings": ceilings, "floor_s": 0.0}


def least_s(work: Count) -> float:
    return max(work.model_flops / MATMUL, work.least_bytes / MEMORY)


def half(_: str, work: Count) -> float:
    """Everything reaches half of its ceiling."""
    return 2 * least_s(work)


def uneven(family: str, work: Count) -> float:
    """Efficiency depends on the family, as on machines that there are."""
    return least_s(work) * (1.5 + sum(map(ord, family)) % 7)


def work_of(preset: Preset, pass_: str, batch: int = 1) -> Count:
    if preset.family == "optimizer":
        parameters = sum(
            _size(each.shape) for key, each in preset.inputs.items() if key.startswith("p/")
        )
        bytes_each = _UPDATE_BYTES[OPTIMIZERS[preset.layer]]
        return Count(parameters, 0.0, bytes_each * parameters)
    return scaled(counting.count(preset, pass_), batch)


def layer_record(
    preset: Preset, pass_: str, law: Law, *, batch: int = 1, **changes: Any
) -> make.Json:
    work = work_of(preset, pass_, batch)
    return _record(
        law(preset.family, work), work, batch=batch, layer=preset.layer, preset=preset.name,
        family=preset.family, **{"pass": pass_}, **changes,
    )  # fmt: skip


def step_record(model: Model, law: Law, factor: float = 1.0, again: bool = False) -> make.Json:
    total = 0.0
    for part in parts_in_step(model):
        passes = ["train"] if part.trained else ["forward"]
        passes += ["forward"] if part.trained and again else []
        total += part.count * sum(law(part.preset.family, work_of(part.preset, p)) for p in passes)
    parameters = sum(p.copies * work_of(p.preset, "train").parameters for p in parts_in_step(model))
    update = Count(parameters, 0.0, _UPDATE_BYTES[model.optimizer] * parameters)
    total += law("optimizer", update)
    return _record(
        factor * total, Count(parameters, 1.0, 1), layer=model.model, preset=model.name,
        family=FAMILY, **{"pass": "step-remat" if again else "step"},
    )  # fmt: skip


def records_of(
    models: Iterable[Model], law: Law, passes: Iterable[str] = ("forward", "train"), **changes: Any
) -> list[make.Json]:
    """Every layer and optimizer that the models need."""
    return [
        layer_record(row, pass_, law, **changes)
        for row in layers_of(list(models))
        for pass_ in passes
        if pass_ in row.passes
    ]


def rates(*records: make.Json, source: str = "known.json", **on: Any) -> Rates:
    return rates_of(make.results(*records, on=machine(**on)), source)


def _record(median_s: float, work: Count, **changes: Any) -> make.Json:
    sizes = {
        "clips": 1.0, "frames": 1.0, "tokens": 1.0, "parameters": work.parameters,
        "model_flops": work.model_flops, "least_bytes": work.least_bytes,
        "kept_bytes": work.kept_bytes,
    }  # fmt: skip
    memory = {
        "argument_bytes": 0, "output_bytes": 0, "temporary_bytes": int(work.kept_bytes),
        "needed_bytes": 1, "available_bytes": 2**40,
    }  # fmt: skip
    return make.record(median_s, work=sizes, memory=memory, **changes)


def _size(shape: tuple[int, ...]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product
