"""Whole models: Flax NNX modules assembled from layers, one kind a file, mirroring the catalogue.

Every model is constructed as ``Model(**options, dtype=…, param_dtype=…, rngs=…)`` and called with
the inputs that its composition names, in that order, batch axis first.
"""

from __future__ import annotations

import importlib

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.catalogue.models import Model
from reelbench.layers.streams import Streams

__all__ = ["create"]


def create(model: Model, *, dtype: Dtype, seed: int = 0) -> nnx.Module:
    """Build a model, initialised by its layers' own initialisers.

    Parameters are stored in float32 whatever the dtype of the computation.
    """
    assembled = getattr(importlib.import_module(f"{__name__}.{model.kind}"), model.model)
    return assembled(**model.options, dtype=dtype, param_dtype=jnp.float32, rngs=Streams(seed))
