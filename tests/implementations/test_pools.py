"""Pooling an axis at a time: the gradient goes where it goes when all are pooled together."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from implementations.operations import pools
from reelbench.implementations import Limits, candidates, plain

SEEDS = st.integers(0, 2**16)


def gradient(function, x):
    outputs, backward = jax.vjp(function, x)
    # No sum of some of them is another's.
    cotangent = jnp.arange(1, outputs.size + 1, dtype=jnp.float32).reshape(outputs.shape)
    return outputs, backward(cotangent)[0]


@settings(max_examples=12, deadline=None)
@given(pools(), SEEDS)
def test_of_equal_values_the_first_has_the_gradient(operation, seed):
    # As after a ReLU, most windows have their largest value several times.
    drawn = np.random.default_rng(seed).integers(0, 3, operation.shapes[0])
    x = jnp.asarray(drawn, jnp.float32)
    for candidate in candidates(operation, Limits()):
        found = gradient(candidate.function(operation), x)
        for one, other in zip(found, gradient(plain(operation), x), strict=True):
            np.testing.assert_array_equal(one, other)


@settings(max_examples=8, deadline=None)
@given(pools(), SEEDS)
def test_what_is_not_a_number_stays_so(operation, seed):
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal(operation.shapes[0])
    x = jnp.asarray(np.where(rng.random(drawn.shape) < 0.1, np.nan, drawn), jnp.float32)
    for candidate in candidates(operation, Limits()):
        found = candidate.function(operation)(x)
        np.testing.assert_array_equal(found, plain(operation)(x))
