"""Whole models as compositions of layers, one kind a file, without JAX.

Every module in this package except `chain`, `model`, `size` and `steps` is a kind: its ``MODELS``
is a table of compositions, mirrored by the assembled Flax modules in ``reelbench.models.<kind>``.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import replace

from reelbench.catalogue.models.model import Model, Part, Published
from reelbench.catalogue.models.size import SizeError, resized
from reelbench.catalogue.names import UnknownNameError

__all__ = ["Model", "Part", "Published", "SizeError", "find_model", "kinds", "models"]

_NOT_KINDS = {"chain", "model", "size", "steps"}


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
    module = importlib.import_module(f"{__name__}.{kind}")
    optimizer = getattr(module, "OPTIMIZER", "adamw")
    return tuple(replace(model, kind=kind, optimizer=optimizer) for model in module.MODELS)


def find_model(name: str) -> Model:
    """The model called ``name``, which may ask for another size: ``r3d_18@8x56x56``.

    Raises:
        UnknownNameError: There is no such model; the error names the nearest.
        SizeError: It cannot be had at that size.
    """
    published, at, size = name.partition("@")
    for model in models():
        if model.name == published:
            return resized(model, size) if at else model
    raise UnknownNameError("model", published, tuple(model.name for model in models()))
