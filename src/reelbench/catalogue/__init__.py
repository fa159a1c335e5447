"""What is measured: published shapes of video-model layers, one family a file, without JAX.

Every module in this package except `preset`, `names` and `counted` is a family: its ``PRESETS`` is
a table of rows, its docstring says what the family is. Whole models stand in the package `models`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from dataclasses import replace

from reelbench.catalogue.names import UnknownNameError
from reelbench.catalogue.preset import Input, Pass, Preset

__all__ = ["Input", "Pass", "Preset", "UnknownNameError", "families", "find", "presets"]

_NOT_FAMILIES = {"counted", "names", "preset"}


@functools.cache
def families() -> tuple[str, ...]:
    """Names of the families, sorted."""
    found = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return tuple(sorted(name for name in found if name not in _NOT_FAMILIES))


@functools.cache
def presets(family: str | None = None) -> tuple[Preset, ...]:
    """The rows of one family, or of all.

    Raises:
        UnknownNameError: There is no such family.
    """
    if family is None:
        return tuple(row for name in families() for row in presets(name))
    if family not in families():
        raise UnknownNameError("family", family, families())
    table = importlib.import_module(f"{__name__}.{family}").PRESETS
    return tuple(replace(row, family=family) for row in table)


def find(name: str) -> Preset:
    """The row called ``name``.

    Raises:
        UnknownNameError: There is no such row; the error names the nearest.
    """
    for row in presets():
        if row.name == name:
            return row
    raise UnknownNameError("preset", name, tuple(row.name for row in presets()))
