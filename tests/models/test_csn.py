"""CSN runs, on clips larger than its head's window too."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from reelbench.models.csn import CSN


def test_a_tiny_model_has_finite_scores_and_gradients():
    model = CSN(depths=(1, 2), width=4, num_classes=5, pool_size=(1, 1, 2), rngs=nnx.Rngs(0))
    clips = jnp.asarray(np.random.default_rng(0).standard_normal((2, 4, 12, 18, 3)), jnp.float32)

    @nnx.jit
    def step(model, clips):
        def loss(model):
            scores = model(clips)
            return jnp.sum(scores**2), scores

        return nnx.value_and_grad(loss, has_aux=True)(model)

    (_, scores), gradients = step(model, clips)
    assert scores.shape == (2, 5)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((scores, gradients)))

    model.eval()
    score = nnx.jit(lambda m, clips: m(clips))
    np.testing.assert_allclose(
        score(model, clips)[:1], score(model, clips.at[1].add(1.0))[:1], rtol=1e-5
    )
