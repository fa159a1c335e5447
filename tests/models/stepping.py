"""Filling a small model with numbers, which compiles nothing, and one training step of it."""

import math

import jax
import numpy as np
from flax import nnx

from reelbench.layers import passes


def build(make):
    """The model that `make` makes, with random weights that keep the size of what they see."""
    graph, state = nnx.split(nnx.eval_shape(make))
    rng = np.random.default_rng(8)

    def fill(path, leaf):
        values = rng.standard_normal(leaf.shape, np.float32)
        if leaf.ndim > 1:
            return values / math.sqrt(math.prod(leaf.shape[:-1]))
        name = jax.tree_util.keystr(path)
        return 0.1 * values + any(each in name for each in ("scale", "var", "weights"))

    model = nnx.merge(graph, jax.tree_util.tree_map_with_path(fill, state))
    model.eval()
    return model


def assert_trains(model, *inputs):
    """A training step is finite, and its gradients reach the first input and the parameters.

    Returns:
        The shapes of the outputs.
    """
    apply, parameters, others = passes.of_module(model, "train")
    outputs = jax.eval_shape(passes.forward(apply), parameters, others, inputs)
    rng = np.random.default_rng(9)
    cotangent = jax.tree.map(lambda x: rng.standard_normal(x.shape, np.float32), outputs)
    step = jax.jit(passes.train(apply))
    loss, (by_parameter, by_input), updated = step(parameters, others, inputs, cotangent)
    model.eval()
    for leaf in jax.tree.leaves((loss, by_parameter, by_input, updated)):
        assert not passes.is_floating(leaf) or np.isfinite(leaf).all()
    used = [np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(by_parameter)]
    assert np.mean(used) > 0.95  # a gate of one hidden unit may be shut
    assert np.abs(by_input[0]).max() > 0
    return jax.tree.map(lambda x: x.shape, outputs)
