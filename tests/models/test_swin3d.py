"""Video Swin at tiny sizes: it runs and trains, and clips of a batch do not see each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from reelbench.models.swin3d import SwinTransformer3D


@functools.cache
def tiny():
    model = SwinTransformer3D(
        3, 8, (2, 1), (2, 4), window=(2, 3, 3), patch=(2, 4, 4), num_classes=5, rngs=nnx.Rngs(0)
    )
    graph, state = nnx.split(model)

    @jax.jit
    def both(state, x):
        def loss(state, x):
            logits = nnx.merge(graph, state)(x)
            return jnp.sum(logits[0] ** 2), logits

        (_, logits), gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(state, x)
        return logits, gradients

    return both, state


def test_a_tiny_model_runs_and_trains_and_clips_are_independent():
    x = np.random.default_rng(0).standard_normal((2, 7, 25, 23, 3), np.float32)
    both, state = tiny()
    logits, (by_parameter, by_clip) = both(state, x)
    assert logits.shape == (2, 5)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((logits, by_parameter)))
    # The loss is of the first clip's logits.
    assert (np.asarray(by_clip)[0] != 0).any()
    np.testing.assert_array_equal(by_clip[1], 0)


def test_every_position_of_the_clip_matters():
    x = np.random.default_rng(1).standard_normal((2, 7, 25, 23, 3), np.float32)
    both, state = tiny()
    _, (_, by_clip) = both(state, x)
    assert (np.abs(by_clip[0]).max(axis=-1) > 0).all()
