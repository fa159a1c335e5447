"""Holds a layer against an independent plain NumPy computation of the same function.

The oracle is written without JAX, in float64, from the paper. A layer agrees when its value does
in float64 (tightly), float32 and bfloat16, and when the derivative of the layer along a random
direction through all parameters and inputs is the finite difference of the oracle's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from reelbench.layers import randomise_constants

Parameters = Mapping[str, Any]  # nested dicts, float64 NumPy leaves
Oracle = Callable[..., np.ndarray]  # oracle(parameters, *inputs) -> output

# Relative error in the norm of the output. float32: 2^-24 grown by sums of some thousand terms.
# bfloat16: 2^-9 for each rounding of an intermediate result, a few of them in a row.
TOLERANCE = {jnp.float64: 1e-10, jnp.float32: 2e-5, jnp.bfloat16: 4e-2}


def normal(seed: int, *shape: int) -> np.ndarray:
    """Standard normal float64 values."""
    return np.random.default_rng(seed).standard_normal(shape)


def parameters_of(module: nnx.Module) -> dict[str, Any]:
    """All variables of the module (parameters, running statistics) as float64 NumPy arrays."""
    state = nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.RngState)))
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), state)


def assert_agrees(
    make: Callable[..., nnx.Module],
    oracle: Oracle,
    *inputs: np.ndarray,
    train: bool = False,
    tolerance: Mapping[Any, float] = TOLERANCE,
) -> None:
    """Assert that a layer computes what its oracle computes, gradients included.

    Args:
        make: Called as ``make(dtype=…, param_dtype=…, rngs=…)``; returns the layer.
        oracle: Called as ``oracle(parameters, *inputs)``; returns the output.
        inputs: Float64 arrays (integer arrays are passed through and not differentiated).
        train: Whether the layer runs in training mode (batch statistics).
        tolerance: Largest relative error for each dtype.
    """
    with jax.enable_x64(True):
        module = _build(make, jnp.float64, jnp.float64, train)
        parameters = parameters_of(module)
        expected = oracle(parameters, *inputs)
        assert np.isfinite(expected).all()
        got = _call(module, inputs, jnp.float64)
        assert got.shape == expected.shape
        assert _error(got, expected) < tolerance[jnp.float64]
        _assert_gradient(module, oracle, parameters, inputs)
    for dtype in (jnp.float32, jnp.bfloat16):
        module = _build(make, dtype, jnp.float32, train)
        expected = oracle(parameters_of(module), *inputs)
        got = _call(module, inputs, dtype)
        assert got.dtype == dtype
        assert _error(got, expected) < tolerance[dtype], dtype


def _build(make: Callable[..., nnx.Module], dtype: Any, param_dtype: Any, train: bool) -> Any:
    module = make(dtype=dtype, param_dtype=param_dtype, rngs=nnx.Rngs(0))
    randomise_constants(module, seed=1)
    module.train() if train else module.eval()
    return module


def _call(module: Any, inputs: tuple[np.ndarray, ...], dtype: Any) -> np.ndarray:
    graph, state = nnx.split(module)
    arrays = [
        jnp.asarray(x, dtype if np.issubdtype(x.dtype, np.floating) else None) for x in inputs
    ]
    return np.asarray(jax.jit(lambda s, *a: nnx.merge(graph, s)(*a))(state, *arrays))


def _error(got: np.ndarray, expected: np.ndarray) -> float:
    difference = np.linalg.norm(got.astype(np.float64) - expected)
    return float(difference / np.linalg.norm(expected))


def _assert_gradient(
    module: Any, oracle: Oracle, parameters: dict[str, Any], inputs: tuple[np.ndarray, ...]
) -> None:
    """Directional derivative by JAX against a central difference of the oracle, in float64."""
    rng = np.random.default_rng(7)
    graph, state = nnx.split(module)
    cotangent = rng.standard_normal(oracle(parameters, *inputs).shape)
    floating = [np.issubdtype(x.dtype, np.floating) for x in inputs]
    direction = jax.tree.map(lambda leaf: rng.standard_normal(leaf.shape), (parameters, inputs))

    def loss(state: Any, *arrays: Any) -> Any:
        return jnp.sum(nnx.merge(graph, state)(*arrays) * cotangent)

    wanted = (0, *(1 + i for i, is_float in enumerate(floating) if is_float))
    gradients = jax.jit(jax.grad(loss, argnums=wanted, allow_int=True))(state, *inputs)
    by_parameter = nnx.to_pure_dict(gradients[0])
    slope = sum(
        float(np.vdot(g, d))
        for g, d in zip(jax.tree.leaves(by_parameter), jax.tree.leaves(direction[0]), strict=True)
    )
    moved = [d for d, is_float in zip(direction[1], floating, strict=True) if is_float]
    slope += sum(float(np.vdot(g, d)) for g, d in zip(gradients[1:], moved, strict=True))

    step = 1e-6

    def at(sign: int) -> float:
        shifted = jax.tree.map(lambda p, d: p + sign * step * d, parameters, direction[0])
        arrays = [
            x + sign * step * d if is_float else x
            for x, d, is_float in zip(inputs, direction[1], floating, strict=True)
        ]
        return float(np.vdot(oracle(shifted, *arrays), cotangent))

    difference = (at(1) - at(-1)) / (2 * step)
    assert np.isclose(slope, difference, rtol=1e-5, atol=1e-5 * abs(difference) + 1e-7), (
        slope,
        difference,
    )
