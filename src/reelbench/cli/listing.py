"""``reelbench list``: what can be measured and counted."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from cyclopts import Parameter

from reelbench import catalogue
from reelbench.catalogue import Preset, UnknownNameError
from reelbench.catalogue import models as compositions
from reelbench.catalogue.models import Model
from reelbench.catalogue.preset import Pass
from reelbench.cli.arguments import FormatOption, UsageError, answer
from reelbench.cli.counting import count
from reelbench.report.catalogue import Counting, model_table, preset_in_full, preset_table
from reelbench.report.composition import LAYERS, model_tables, published_table
from reelbench.report.tables import Table

Only = Literal["presets", "models"]


def list_catalogue(
    name: str | None = None,
    /,
    *,
    family: str | None = None,
    core: Annotated[bool, Parameter(negative="")] = False,
    only: Only | None = None,
    pass_: Annotated[Pass, Parameter(name="--pass")] = "forward",
    published: Annotated[bool, Parameter(negative="")] = False,
    style: FormatOption = "table",
) -> None:
    """What can be measured: families of layers, their presets, and the models made of them.

    Args:
        name: A family, a layer, a preset, a kind of model or a model; a preset and a model are
            given in full, a model also at another size, as r3d_18@8x56x56.
        family: Only this family of layers.
        core: Only presets that are measured first when time is short.
        only: Only presets, or only models.
        pass_: The pass whose FLOPs and bytes are given, for one clip in float32.
        published: The models' published figures beside ours.
        style: How to write it.
    """
    presets = [row for row in catalogue.presets(family) if row.core or not core]
    models = [] if family or core else list(compositions.models())
    if only == "models" and (family or core):
        raise UsageError("--family and --core choose among presets; leave out --only models")
    presets, models = ([] if only == "models" else presets), ([] if only == "presets" else models)
    sizable = {model.name for model in models}
    if name is not None and "@" in name and name.partition("@")[0] in sizable:
        presets, models = [], [compositions.find_model(name)]
    elif name is not None:
        chosen = [r for r in presets if name in _names(r)], [m for m in models if name in _names(m)]
        if not any(chosen):
            known = dict.fromkeys(
                n for row in [*map(_names, presets), *map(_names, models)] for n in row
            )
            raise UnknownNameError("family, layer, preset or model", name, tuple(known))
        presets, models = chosen
    if published:
        answer(
            [published_table(models, count, f"Published figures of {len(models)} models")], style
        )
    elif name is not None and presets and presets[0].name == name:
        answer([preset_in_full(presets[0], count)], style)
    elif name is not None and models and models[0].name == name:
        answer(model_tables(models[0], count), style, main=LAYERS)
    else:
        several = name is None and family is None
        answer(list(_overview(presets, models, Counting(pass_, count), sources=not several)), style)


def _overview(
    presets: Sequence[Preset], models: Sequence[Model], counting: Counting, *, sources: bool
) -> Iterable[Table]:
    for family in dict.fromkeys(row.family for row in presets):
        rows = [row for row in presets if row.family == family]
        title = f"{family}: {_summary(f'reelbench.catalogue.{family}')}"
        yield preset_table(rows, counting, title, sources=sources)
    for kind in dict.fromkeys(model.kind for model in models):
        each = [model for model in models if model.kind == kind]
        title = f"models of {kind}: {_summary(f'reelbench.catalogue.models.{kind}')}"
        yield model_table(each, counting, title, sources=sources)
    said = []
    if presets:
        families = len({row.family for row in presets})
        said.append(f"{len(presets)} presets of {families} families")
    if models:
        said.append(f"{len(models)} models")
    yield Table(
        "",
        notes=(
            f"{' and '.join(said)}; {counting.pass_} pass of one clip, float32. * sizes assumed.",
            "reelbench list NAME gives a preset or a model in full, with its source.",
        ),
    )


def _summary(module: str) -> str:
    """The first line of a family's docstring."""
    return (importlib.import_module(module).__doc__ or "").strip().partition("\n")[0]


def _names(row: Preset | Model) -> tuple[str, str, str]:
    if isinstance(row, Preset):
        return row.family, row.layer, row.name
    return row.kind, row.model, row.name
