"""What every video classifier must do, tried at tiny sizes."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx


def draw(*shapes):
    """A batch of two for each input."""
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.standard_normal((2, *shape)), jnp.float32) for shape in shapes]


def logits(module, *inputs):
    """Logits with stored statistics."""
    module.eval()
    graph, state = nnx.split(module)
    return np.asarray(jax.jit(lambda s, *a: nnx.merge(graph, s)(*a))(state, *inputs))


def assert_classifies(module, num_classes, *inputs):
    """Assert that logits come out, that all parameters learn, and that clips stay apart."""
    module.train()
    graph, parameters, others = nnx.split(module, nnx.Param, ...)

    @jax.jit
    def run(parameters, others, *inputs):
        def loss(parameters):
            merged = nnx.merge(graph, parameters, jax.tree.map(lambda leaf: leaf, others))
            out = merged(*inputs)
            return jnp.sum(out**2), (out, nnx.state(merged, nnx.BatchStat))

        return jax.value_and_grad(loss, has_aux=True)(parameters)

    (_, (out, statistics)), gradients = run(parameters, others, *inputs)
    assert out.shape == (2, num_classes)
    assert np.isfinite(out).all()
    for path, leaf in jax.tree.leaves_with_path(nnx.to_pure_dict(gradients)):
        name = jax.tree_util.keystr(path)
        assert np.isfinite(leaf).all(), name
        assert leaf.any(), name
    before = jax.tree.leaves(nnx.state(module, nnx.BatchStat))
    after = jax.tree.leaves(statistics)
    assert all(np.any(b != a) for b, a in zip(before, after, strict=True))

    module.eval()
    graph, state = nnx.split(module)
    evaluate = jax.jit(lambda s, *a: nnx.merge(graph, s)(*a))
    alone = evaluate(state, *inputs)
    other = evaluate(state, *(x.at[1].add(1.0) for x in inputs))
    np.testing.assert_allclose(other[0], alone[0], rtol=1e-5, atol=1e-6)
    assert np.abs(other[1] - alone[1]).max() > 1e-6
