"""Rematerialisation: each layer of a model keeps its inputs and computes the rest again."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable

from flax import nnx

from reelbench import layers
from reelbench.catalogue.models import Part


def rematerialise(module: nnx.Module, parts: Iterable[Part]) -> None:
    """Let the trained layers of an assembled model be computed again in its backward pass.

    What crosses from the forward to the backward pass is then the inputs of each layer. Chen et
    al., "Training Deep Nets with Sublinear Memory Cost", 2016, arXiv:1604.06174.

    Args:
        module: The model, changed in place.
        parts: Its composition; layers that are not trained keep nothing anyway.
    """
    wanted = tuple({_layer_of(part) for part in parts if part.trained})
    found = [each for _, each in nnx.iter_modules(module) if type(each) in wanted]
    for each in found:
        each.__class__ = _again(type(each))


def _layer_of(part: Part) -> type[nnx.Module]:
    family = importlib.import_module(f"{layers.__name__}.{part.preset.family}")
    return getattr(family, part.preset.layer)


@functools.cache
def _again(layer: type[nnx.Module]) -> type[nnx.Module]:
    """The same layer, computed again in its backward pass."""
    return type(layer.__name__, (layer,), {"__call__": nnx.remat(layer.__call__)})
