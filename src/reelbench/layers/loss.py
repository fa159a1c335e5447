"""Losses at the end of a training step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from reelbench.layers.passes import is_floating


def targets_of(outputs: Any) -> Any:
    """Shapes of the targets that `loss` needs for outputs of these shapes.

    A model whose only output is a row of numbers a clip is a classifier, with a class a clip; any
    other has a target for each number that it gives.
    """
    if _classifies(outputs):
        (scores,) = jax.tree.leaves(outputs)
        return jax.ShapeDtypeStruct(scores.shape[:1], jnp.int32)
    return [
        jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
        for leaf in jax.tree.leaves(outputs)
        if is_floating(leaf)
    ]


def loss(outputs: Any, targets: Any) -> jax.Array:
    """Softmax cross-entropy of a classifier, else the mean squared error of each output, added up.

    What denoisers, masked pre-training and the reconstruction of autoencoders minimise. Detectors
    match boxes before they compare them, which is not done here: of their losses this is the part
    that reads every output. Computed in float32 at least.
    """
    if _classifies(outputs):
        (scores,) = jax.tree.leaves(outputs)
        wide = scores.astype(jnp.promote_types(scores.dtype, jnp.float32))
        return optax.softmax_cross_entropy_with_integer_labels(wide, targets).mean()
    total = jnp.zeros((), jnp.float32)
    floating = [leaf for leaf in jax.tree.leaves(outputs) if is_floating(leaf)]
    for leaf, target in zip(floating, targets, strict=True):
        wide = jnp.promote_types(leaf.dtype, jnp.float32)
        total = total + jnp.mean(jnp.square(leaf.astype(wide) - target.astype(wide)))
    return total


def _classifies(outputs: Any) -> bool:
    leaves = jax.tree.leaves(outputs)
    return len(leaves) == 1 and leaves[0].ndim == 2 and is_floating(leaves[0])
