"""What the tests of autoencoders share: a training step, and which frames see which."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def train(model, clip, *others):
    """One gradient of the reconstruction and of all other outputs, under jit.

    Asserts that everything is finite and that every parameter moves; returns the outputs.
    """
    graph, state = nnx.split(model)

    def loss(state, clip):
        outputs = nnx.merge(graph, state)(clip, *others)
        decoded, *rest = jax.tree.leaves(outputs)
        return sum((jnp.mean(x**2) for x in rest), jnp.mean((decoded - clip) ** 2)), outputs

    (_, outputs), gradients = jax.jit(jax.value_and_grad(loss, has_aux=True))(state, clip)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((outputs, gradients)))
    moved = [np.any(leaf) for leaf in jax.tree.leaves(gradients)]
    assert all(moved), f"{len(moved) - sum(moved)} parameters have no gradient"
    return outputs


def changed_outputs(model, method, x, first):
    """Which output frames change when the input frames from `first` on do, clip by clip alike."""
    graph, state = nnx.split(model)
    run = jax.jit(lambda state, x: getattr(nnx.merge(graph, state), method)(x))
    before, after = (np.asarray(run(state, y)) for y in (x, x.at[:, first:].multiply(-1)))
    return (before != after).any(axis=(0, 2, 3, 4)).tolist()


def without_group_norms(model):
    """Replace every group norm by the identity: what is left sees no later frame."""
    for _, module in list(nnx.iter_graph(model)):
        for name in ("norm", "norm1", "norm2"):
            if isinstance(getattr(module, name, None), nnx.GroupNorm):
                setattr(module, name, _Identity())
    return model


class _Identity(nnx.Module):
    def __call__(self, x):
        return x
