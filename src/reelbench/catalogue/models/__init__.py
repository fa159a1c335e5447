"""Whole models as compositions of layers, one kind a file, without JAX.

Every module in this package except `chain` and `model` is a kind: its ``MODELS`` is a table of
compositions, mirrored by the assembled Flax modules in ``reelbench.models.<kind>``.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import replace

from reelbench.catalogue.models.model import Model, Part, Published
from reelbench.catalogue.names import UnknownNameError

__all__ = ["Model", "Part", "Published", "find_model", "kinds", "models"]

_NOT_KINDS = {"chain", "model"}


@functools.cache
def kinds() -> tuple[str, ...]:
    """Names of the kinds of models, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in found if name not in _NOT_KINDS))


@functools.cache
def models(kind: str | None = None) -> tuple[Model, ...]:
    """The models of one kind, or all.

    Raises:
        UnknownNameError: There is no such kind.
    """
    if kind is None:
        return tuple(model for name in kinds() for model in models(name))
    if kind not in kinds():
        raise UnknownNameError("kind of model", kind, kinds())
    table = importlib.import_module(f"{__name__}.{kind}").MODELS
    return tuple(replace(model, kind=kind) for model in table)


def find_model(name: str) -> Model:
    """The model called ``name``.

    Raises:
        UnknownNameError: There is no such model; the error names the nearest.
    """
    for model in models():
        if model.name == name:
            return model
    raise UnknownNameError("model", name, tuple(model.name for model in models()))
