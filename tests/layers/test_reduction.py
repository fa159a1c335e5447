"""Token reduction against sums over positions, one token at a time."""

import functools

import jax.numpy as jnp
import numpy as np
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import gelu_tanh, layer_norm, linear, parameter_count, softmax
from layers.numpy_convolutional import convolve, sigmoid
from reelbench.layers.reduction import TokenLearner, TokenLearnerV11


def sums_under(maps, frame):
    """One token a map: the features of all positions, weighted by the map."""
    tokens = [np.zeros(frame.shape[-1]) for _ in range(maps.shape[-1])]
    for row, column in np.ndindex(*frame.shape[:2]):
        for token in range(maps.shape[-1]):
            tokens[token] += maps[row, column, token] * frame[row, column]
    return np.stack(tokens)


def each_frame(reduce, x):
    return np.stack([np.stack([reduce(frame) for frame in clip]) for clip in x])


def token_learner(p, x):
    def reduce(frame):
        y = layer_norm(p["norm"], frame, 1e-6)
        for index in range(4):
            kernel = p["convs"][index]["kernel"]
            y = convolve((gelu_tanh(y) if index else y)[None], kernel, (1, 1))[0]
        return sums_under(sigmoid(y), frame)

    return each_frame(reduce, x)


def token_learner_v11(p, x):
    def reduce(frame):
        logits = linear(p["fc2"], gelu_tanh(linear(p["fc1"], layer_norm(p["norm"], frame, 1e-6))))
        positions = logits.reshape(-1, logits.shape[-1])
        weights = np.stack([softmax(column) for column in positions.T], axis=-1)
        return sums_under(weights.reshape(logits.shape), frame)

    return each_frame(reduce, x)


def test_token_learner_agrees_with_sums_over_positions():
    make = functools.partial(TokenLearner, 5, 3)
    assert_agrees(make, token_learner, normal(0, 2, 2, 3, 4, 5))


def test_version_1_1_agrees_with_averages_over_positions():
    make = functools.partial(TokenLearnerV11, 5, 3, bottleneck_dim=4)
    assert_agrees(make, token_learner_v11, normal(0, 2, 2, 3, 4, 5))


def test_tokens_are_averages_in_version_1_1_and_of_their_own_frame():
    layer = TokenLearnerV11(5, 3, rngs=nnx.Rngs(0))
    x = jnp.asarray(normal(0, 1, 2, 3, 4, 5), jnp.float32)
    tokens = layer(x)
    assert tokens.shape == (1, 2, 3, 5)
    assert (tokens <= x.max(axis=(2, 3))[:, :, None] + 1e-6).all()
    np.testing.assert_allclose(layer(x.at[:, 1].add(1.0))[:, 0], tokens[:, 0], rtol=1e-6)


def test_the_published_rows_have_their_parameters():
    maps = 9 * 768 * 8 + 3 * 9 * 8 * 8
    assert parameter_count("token-learner") == 2 * 768 + maps == 58_560
    perceptron = 768 * 64 + 64 + 64 * 8 + 8
    assert parameter_count("token-learner-v1.1") == 2 * 768 + perceptron == 51_272
