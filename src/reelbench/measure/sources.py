"""Versions of cases: hashes of the code and the sizes that define them."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from types import ModuleType
from typing import Any

from reelbench import layers, models
from reelbench.catalogue import Preset
from reelbench.catalogue.models import Model

_ROOMS = (f"{layers.__name__}.", f"{models.__name__}.")


def version_of_layer(preset: Preset) -> str:
    """Hash of a row's sizes and of the source of every layer file that its layer is made from."""
    sizes = repr((preset.layer, dict(preset.inputs), sorted(preset.options.items()), preset.carry))
    return _version(sizes, f"{layers.__name__}.{preset.family}")


def version_of_model(model: Model) -> str:
    """The same of a whole model, its optimizer and its loss."""
    sizes = repr((model.model, dict(model.inputs), sorted(model.options.items()), model.optimizer))
    names = (f"{models.__name__}.{model.kind}", *(f"{layers.__name__}.{x}" for x in _STEP))
    return _version(sizes, *names)


def version_of_source(thing: Any) -> str:
    """Hash of the source of a user's own module or function, where it is known."""
    try:
        text = inspect.getsource(thing)
    except (OSError, TypeError):
        return "unknown"
    return _hash(text)


_STEP = ("optimizer", "loss")


def _version(sizes: str, *names: str) -> str:
    seen: set[str] = set()
    texts = [text for name in names for text in _sources(importlib.import_module(name), seen)]
    return _hash(sizes + "".join(texts))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sources(module: ModuleType, seen: set[str]) -> list[str]:
    if module.__name__ in seen:
        return []
    seen.add(module.__name__)
    found = [inspect.getsource(module)]
    for value in vars(module).values():
        name = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
        if isinstance(name, str) and name.startswith(_ROOMS):
            found += _sources(importlib.import_module(name), seen)
    return found
