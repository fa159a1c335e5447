"""The ten functions that every harness measures: small, float32, of random inputs.

They are what video models are made of, and take some 0.1 to 20 ms on two processor cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_SEED = 20_260_301

Shapes = tuple[tuple[int, ...], ...]


def matmul(a, b):
    return a @ b


def elementwise(x, y):
    return jnp.tanh(x) * jax.nn.sigmoid(y) + x


def softmax(x):
    return jax.nn.softmax(x, axis=-1)


def layer_norm(x, scale, shift):
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean(jnp.square(x - mean), axis=-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-6) * scale + shift


def gelu_mlp(x, up, down):
    return jax.nn.gelu(x @ up) @ down


def attention(query, key, value):
    weights = jnp.einsum("hqd,hkd->hqk", query, key) / np.sqrt(query.shape[-1])
    return jnp.einsum("hqk,hkd->hqd", jax.nn.softmax(weights, axis=-1), value)


def conv3d(video, kernel):
    return _convolve(video, kernel, groups=1)


def depthwise(video, kernel):
    return _convolve(video, kernel, groups=video.shape[-1])


def adamw_update(parameter, gradient, first, second):
    first = 0.9 * first + 0.1 * gradient
    second = 0.999 * second + 0.001 * jnp.square(gradient)
    step = first / (jnp.sqrt(jnp.abs(second)) + 1e-8) + 0.01 * parameter
    return parameter - 1e-3 * step, first, second


def scan(frames, into, across):
    def turn(state, frame):
        state = jnp.tanh(frame @ into + state @ across)
        return state, state

    return lax.scan(turn, jnp.zeros_like(frames[0] @ into), frames)[1]


def _convolve(video, kernel, groups):
    return lax.conv_general_dilated(
        video,
        kernel,
        window_strides=(1, 1, 1),
        padding="SAME",
        dimension_numbers=("NDHWC", "DHWIO", "NDHWC"),
        feature_group_count=groups,
    )


# What each is called with.
_INPUTS: dict[Callable[..., Any], Shapes] = {
    matmul: ((256, 256), (256, 256)),
    elementwise: ((512, 1024), (512, 1024)),
    softmax: ((256, 512),),
    layer_norm: ((784, 512), (512,), (512,)),
    gelu_mlp: ((196, 256), (256, 1024), (1024, 256)),
    attention: ((8, 392, 32), (8, 392, 32), (8, 392, 32)),
    conv3d: ((1, 8, 28, 28, 16), (3, 3, 3, 16, 32)),
    depthwise: ((1, 4, 14, 14, 32), (3, 3, 3, 1, 32)),
    adamw_update: ((1024, 1024), (1024, 1024), (1024, 1024), (1024, 1024)),
    scan: ((16, 32, 128), (128, 256), (256, 256)),
}

FUNCTIONS = {function.__name__: function for function in _INPUTS}


def inputs_of(name: str) -> tuple[jax.Array, ...]:
    """Random inputs of a function, the same in every process, ready on the device."""
    rng = np.random.default_rng(_SEED)
    shapes = _INPUTS[FUNCTIONS[name]]
    drawn = [jnp.asarray(rng.standard_normal(shape, np.float32)) for shape in shapes]
    return tuple(jax.block_until_ready(drawn))
