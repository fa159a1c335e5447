"""Draws what a program is called with: random values, the same in every process."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from reelbench.catalogue import Input

SEED = 20_260_101


def draw(rng: np.random.Generator, each: Input, shape: jax.ShapeDtypeStruct) -> jax.Array:
    """The values of an input of the catalogue."""
    drawn = _values(rng, each, shape)
    return drawn if shape.sharding is None else jax.device_put(drawn, shape.sharding)


def normal(rng: np.random.Generator, shape: jax.ShapeDtypeStruct) -> jax.Array:
    """Standard normal numbers."""
    return jnp.asarray(rng.standard_normal(shape.shape, np.float32), shape.dtype)


def _values(rng: np.random.Generator, each: Input, shape: jax.ShapeDtypeStruct) -> jax.Array:
    if each.values == "index":
        return jnp.asarray(rng.integers(0, each.below, shape.shape, np.int32))
    if each.values == "unit":
        return jnp.asarray(rng.random(shape.shape, np.float32), shape.dtype)
    return normal(rng, shape)
