"""How the layers compute: Flax NNX modules, one family a file, mirroring the catalogue.

Every layer is constructed as ``Layer(**options, dtype=…, param_dtype=…, rngs=…)`` and called with
the inputs that its catalogue row names, in that order, batch axis first. ``dtype`` is the dtype of
the computation, ``param_dtype`` that of the stored parameters.
"""

from __future__ import annotations

import importlib

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.catalogue import Preset
from reelbench.layers.streams import Streams

__all__ = ["create", "randomise_constants"]


def create(preset: Preset, *, dtype: Dtype, seed: int = 0) -> nnx.Module:
    """Build the layer of a catalogue row, initialised by its own initialisers.

    Parameters are stored in float32 whatever the dtype of the computation.
    """
    layer = getattr(importlib.import_module(f"{__name__}.{preset.family}"), preset.layer)
    return layer(**preset.options, dtype=dtype, param_dtype=jnp.float32, rngs=Streams(seed))


def randomise_constants(module: nnx.Module, seed: int) -> None:
    """Add normal noise of scale 0.02 to every floating variable whose values are all equal.

    Initialisers leave biases, gates and sampling offsets at zero and scales at one. On such values
    a layer can be the identity, and a chip that multiplies by zero draws less power and clocks
    higher: neither is the layer as it trains. Variances stay positive because the noise is small.
    Can be traced.
    """
    noise = Streams(seed)
    for _, variable in nnx.iter_graph(module):
        if not isinstance(variable, nnx.Variable):
            continue
        value = variable[...]
        if not isinstance(value, jax.Array) or not jnp.issubdtype(value.dtype, jnp.floating):
            continue
        if value.size:
            is_constant = jnp.all(value == value.ravel()[0])
            drawn = 0.02 * jax.random.normal(noise(), value.shape, value.dtype)
            variable[...] = jnp.where(is_constant, value + drawn, value)
