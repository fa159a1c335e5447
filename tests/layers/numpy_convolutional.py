"""What convolutional blocks are made of, in plain float64 NumPy."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import jax
import numpy as np
from flax import nnx

from layers.test_convolution import convolve

__all__ = [
    "batch_norm",
    "convolve",
    "depthwise",
    "parameter_count",
    "relu",
    "sigmoid",
    "silu",
    "wide_statistics",
]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def silu(x: np.ndarray) -> np.ndarray:
    return x * sigmoid(x)


def depthwise(x: np.ndarray, kernel: np.ndarray, strides=(1, 1, 1)) -> np.ndarray:
    """One convolution a channel; the kernel is t × h × w × 1 × channels."""
    channels = [
        convolve(x[..., c : c + 1], kernel[..., c : c + 1], strides) for c in range(x.shape[-1])
    ]
    return np.concatenate(channels, axis=-1)


def batch_norm(x: np.ndarray, parameters: Mapping[str, Any], train: bool) -> np.ndarray:
    """Normalise by the batch's own statistics, or by the stored ones."""
    if train:
        rows = x.reshape(-1, x.shape[-1])
        mean, variance = rows.mean(0), ((rows - rows.mean(0)) ** 2).mean(0)
    else:
        mean, variance = parameters["mean"], parameters["var"]
    unit = (x - mean) / np.sqrt(variance + 1e-5)
    return unit * parameters["scale"] + parameters["bias"]


def wide_statistics(make: Callable[..., nnx.Module]) -> Callable[..., nnx.Module]:
    """Let running statistics have the dtype of the parameters.

    Flax stores them in float32 always, and updating them from a float64 computation warns.
    """

    def build(*, param_dtype: Any, **rest: Any) -> nnx.Module:
        module = make(param_dtype=param_dtype, **rest)
        statistics = nnx.state(module, nnx.BatchStat)
        nnx.update(module, jax.tree.map(lambda leaf: leaf.astype(param_dtype), statistics))
        return module

    return build


def parameter_count(make: Callable[[], nnx.Module]) -> int:
    """Parameters of a module, without allocating them."""
    leaves = jax.tree.leaves(nnx.state(nnx.eval_shape(make), nnx.Param))
    return sum(prod(leaf.shape) for leaf in leaves)
