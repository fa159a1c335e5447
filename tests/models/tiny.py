"""Runs a tiny model once, forward and backward, as the models' tests do."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


def assert_runs_and_trains(
    make: Callable[..., nnx.Module], x: np.ndarray, *others: np.ndarray
) -> tuple[Any, np.ndarray]:
    """Assert that outputs and gradients are finite.

    Args:
        make: Called as ``make(rngs=…)``; returns the model.
        x: The clips.
        others: Further inputs, without gradient.

    Returns:
        The outputs, and the gradient with respect to ``x`` of the first clip's first output.
    """
    graph, state = nnx.split(make(rngs=nnx.Rngs(0)))

    @jax.jit
    def both(state: Any, x: Any, *others: Any) -> Any:
        def loss(state: Any, x: Any) -> Any:
            outputs = nnx.merge(graph, state)(x, *others)
            return jnp.sum(jax.tree.leaves(outputs)[0][0] ** 2), outputs

        (_, outputs), gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(state, x)
        return outputs, gradients

    outputs, (by_parameter, by_clip) = both(state, x, *others)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((outputs, by_parameter)))
    assert any((np.asarray(leaf) != 0).any() for leaf in jax.tree.leaves(by_parameter))
    return outputs, np.asarray(by_clip)
