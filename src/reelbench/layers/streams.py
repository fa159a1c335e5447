"""Random streams for initial weights."""

from __future__ import annotations

from collections.abc import Callable

import jax


class Streams:
    """Keys for initialisers, in place of ``nnx.Rngs``, counted in Python.

    ``nnx.Rngs`` counts in arrays. While a model is traced to learn its shapes, each draw writes a
    traced counter, for which JAX walks the whole trace: a model of a thousand weights takes a
    minute to count. A module draws from this one while it is constructed, and not later.

    The generator is XLA's own: the default one takes seconds to compile for a layer's many
    parameters.

    Args:
        seed: Where all keys come from.
    """

    def __init__(self, seed: int) -> None:
        self._key = jax.random.key(seed, impl="unsafe_rbg")
        self._drawn = 0

    def __call__(self) -> jax.Array:
        """The next key."""
        self._drawn += 1
        return jax.random.fold_in(self._key, self._drawn)

    def __getattr__(self, name: str) -> Callable[[], jax.Array]:
        # Streams of any name, as `params`, are one stream.
        if name.startswith("_"):
            raise AttributeError(name)
        return self
