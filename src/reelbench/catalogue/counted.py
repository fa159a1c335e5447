"""The work of layers and models, recorded: what tracing them counts, known without JAX.

``counted.json`` holds a line for each distinct layer of the catalogue, written by
``python -m reelbench.work``. A layer that changed its sizes, or is new, is not found in it and must
be traced; nothing else depends on the file.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from importlib import resources
from typing import Any

from reelbench.catalogue import presets
from reelbench.catalogue.models import Model, models
from reelbench.catalogue.models.steps import parts_of, small
from reelbench.catalogue.preset import Pass, Preset

FILE = "counted.json"


@dataclass(frozen=True)
class Count:
    """The work of one pass over one clip, in float32 unless said otherwise.

    Attributes:
        parameters: Parameters, in elements.
        model_flops: FLOPs, 2 per multiply-accumulate, padding counted, recomputation not.
        least_bytes: Bytes of all that must be read or written once: parameters, inputs, outputs
            and, in a train pass, their gradients.
        kept_bytes: Bytes of activations that automatic differentiation keeps for the backward
            pass; none in a forward pass.
    """

    parameters: int
    model_flops: float
    least_bytes: int
    kept_bytes: int = 0

    @property
    def intensity(self) -> float:
        """FLOPs per least byte."""
        return self.model_flops / self.least_bytes if self.least_bytes else 0.0


Counter = Callable[[Preset, Pass], Count]


def recorded(preset: Preset, pass_: str = "forward") -> Count | None:
    """The recorded work of a layer, if it is recorded."""
    line = _lines().get(preset.sizes)
    return Count(*line[pass_]) if line and pass_ in line else None


def recorded_step(model: Model) -> Count | None:
    """About the work of a model's training step, if that of all its layers is recorded.

    Bytes are those of the layers one by one.
    """
    try:
        return sum_of_parts(model, "train", _recorded)
    except KeyError:
        return None


def _recorded(preset: Preset, pass_: Pass) -> Count:
    found = recorded(preset, pass_)
    if found is None:
        raise KeyError(preset.sizes)
    return found


def sum_of_parts(model: Model, pass_: Pass, count: Counter) -> Count:
    """The work of a whole model, from the layers of its composition.

    Parameters and FLOPs are those of the assembled model. Bytes are those of the layers one by one:
    what one layer writes and the next reads counts in both.

    Args:
        model: The composition.
        pass_: The pass; layers that are not trained run forward in both.
        count: Counts one layer.
    """
    parameters, flops, least, kept = 0, 0.0, 0, 0
    for part in model.parts:
        each = count(part.preset, pass_ if part.trained else "forward")
        parameters += part.copies * each.parameters
        flops += part.count * each.model_flops
        least += part.count * each.least_bytes
        kept += part.count * each.kept_bytes
    return Count(parameters, flops, least, kept)


def everything() -> Iterator[tuple[str, Preset, Pass]]:
    """Each distinct layer of the catalogue and each of its passes, with a name for people."""
    rows = [(row.name, row) for row in presets()]
    every = (*models(), *small())
    rows += [(f"{model.name}/{part.name}", part.preset) for model in every for part in model.parts]
    rows += [(row.name, row) for row in parts_of(small())]
    seen = set()
    for name, row in rows:
        for pass_ in row.passes:
            if (row.sizes, pass_) not in seen:
                seen.add((row.sizes, pass_))
                yield name, row, pass_


def to_json(counts: Iterable[tuple[str, Preset, Pass, Count]]) -> str:
    """The text of the file: a line for each layer, under the hash of its sizes."""
    lines: dict[str, dict[str, Any]] = {}
    for name, row, pass_, count in counts:
        lines.setdefault(row.sizes, {"layer": name})[pass_] = astuple(count)
    text = ",\n".join(f'"{sizes}": {json.dumps(line)}' for sizes, line in lines.items())
    return f"{{\n{text}\n}}\n"


@functools.cache
def _lines() -> Mapping[str, Mapping[str, Any]]:
    file = resources.files("reelbench.catalogue") / FILE
    return json.loads(file.read_text()) if file.is_file() else {}
