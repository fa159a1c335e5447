"""VideoMamba at a tiny size: it runs and trains, and clips of a batch do not see each other."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from reelbench.models.videomamba import VisionMamba


def test_a_tiny_model_runs_and_trains_and_clips_are_independent():
    stem = {"in_features": 3, "out_features": 8, "frames": 2, "places": 6, "patch": (4, 4)}
    graph, state = nnx.split(VisionMamba(stem, 2, num_classes=5, rngs=nnx.Rngs(0)))

    @jax.jit
    def both(state, x):
        def loss(state, x):
            logits = nnx.merge(graph, state)(x)
            return jnp.sum(logits[0] ** 2), logits

        (_, logits), gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(state, x)
        return logits, gradients

    x = np.random.default_rng(0).standard_normal((2, 2, 8, 12, 3), np.float32)
    logits, (by_parameter, by_clip) = both(state, x)
    assert logits.shape == (2, 5)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((logits, by_parameter)))
    # The loss is of the first clip's logits; the class token, which is first, sees all patches by
    # the scan backwards.
    assert (np.abs(by_clip[0]).max(axis=-1) > 0).all()
    np.testing.assert_array_equal(by_clip[1], 0)
