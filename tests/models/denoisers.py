"""What every diffusion transformer must do, tried at tiny sizes."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from reelbench.layers import randomise_constants


def build(model, **sizes):
    """A tiny model whose gates and frequencies are not zero."""
    module = model(**sizes, rngs=nnx.Rngs(0))
    randomise_constants(module, seed=1)
    return module


def draw(*shapes):
    """A batch of two for each input."""
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.standard_normal((2, *shape)), jnp.float32) for shape in shapes]


def assert_denoises(module, *inputs, unread=None):
    """Assert that a clip comes out, that parameters learn from it, and that clips stay apart.

    All parameters learn but those whose path begins with ``unread``.
    """
    graph, parameters = nnx.split(module)

    @jax.jit
    def run(parameters, *inputs):
        def loss(parameters, *inputs):
            out = nnx.merge(graph, parameters)(*inputs)
            return jnp.sum(out[0] ** 2), out

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(parameters, *inputs)

    (_, out), (by_parameter, by_clip) = run(parameters, *inputs)
    assert out.shape[:4] == inputs[0].shape[:4]
    assert np.isfinite(out).all()
    for path, leaf in jax.tree.leaves_with_path(nnx.to_pure_dict(by_parameter)):
        name = jax.tree_util.keystr(path)
        assert np.isfinite(leaf).all(), name
        learns = not (unread and name.startswith(unread))
        assert leaf.any() == learns, name
    assert np.abs(by_clip[0]).min() > 0  # the loss is of the first clip alone
    assert not by_clip[1].any()
    return out


def assert_hidden_text_is_as_good_as_none(module, call, words):
    """Assert that a model does not read masked text; ``call(module, words, mask)`` runs it."""
    run = nnx.jit(call, static_argnums=1)
    mask = jnp.broadcast_to(jnp.arange(words) < words - 2, (2, words))
    hidden = run(module, words, mask)
    np.testing.assert_allclose(hidden, run(module, words - 2, None), atol=2e-4, rtol=2e-4)
    assert np.abs(hidden - run(module, words, jnp.ones_like(mask))).max() > 1e-3
