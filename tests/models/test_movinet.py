"""MoViNet runs; on a stream it gives what it gives on the whole clip."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from reelbench.layers import randomise_constants
from reelbench.models.movinet import Movinet, MovinetStream

TINY = {
    "stem_features": 4,
    "stages": ((4, 2, ((6, (1, 3, 3)),)), (5, 1, ((6, (3, 3, 3)),))),
    "head_features": (6, 8),
    "num_classes": 5,
}


def clips(*shape):
    return jnp.asarray(np.random.default_rng(0).standard_normal((*shape, 3)), jnp.float32)


@pytest.mark.parametrize("kind", [Movinet, MovinetStream])
def test_a_tiny_model_has_finite_scores_and_gradients(kind):
    model = kind(**TINY, rngs=nnx.Rngs(0))
    randomise_constants(model, seed=1)

    @nnx.jit
    def step(model, x):
        def loss(model):
            scores = model(x)
            return jnp.sum(scores**2), scores

        return nnx.value_and_grad(loss, has_aux=True)(model)

    (_, scores), gradients = step(model, clips(2, 4, 9, 8))
    assert scores.shape == (2, 5)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((scores, gradients)))


def test_a_stream_of_chunks_ends_with_the_scores_of_the_whole_clip():
    model = MovinetStream(**TINY, rngs=nnx.Rngs(0))
    randomise_constants(model, seed=1)
    model.eval()
    x = clips(2, 4, 9, 8)
    first, state = nnx.jit(lambda m, x: m.stream(x))(model, x[:, :2])
    scores, state = nnx.jit(lambda m, x, s: m.stream(x, s))(model, x[:, 2:], state)
    whole = nnx.jit(lambda m, x: m(x))(model, x)
    np.testing.assert_allclose(scores, whole, rtol=1e-4, atol=1e-6)
    # What the stream said by then depended on its first frames only.
    early = nnx.jit(lambda m, x: m(x))(model, x[:, :2])
    np.testing.assert_allclose(first, early, rtol=1e-4, atol=1e-6)
    assert (state.head.frames == 4).all()
