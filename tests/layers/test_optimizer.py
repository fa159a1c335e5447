"""AdamW with global-norm clipping against the update written from the papers."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import normal
from reelbench import catalogue
from reelbench.layers.optimizer import AdamWUpdate, SGDUpdate

SHAPES = [(3, 4), (5,), (2, 3, 1, 2), (1,)]
OPTIONS = {
    "learning_rate": 1e-2,
    "b1": 0.9,
    "b2": 0.999,
    "epsilon": 1e-8,
    "weight_decay": 0.05,
    "max_norm": 1.0,
}


def leaves(*, gradient_scale: float = 1.0) -> list[np.ndarray]:
    """Parameters, first and second moments, and gradients."""
    p, mu, nu, g = ([normal(10 * i + j, *s) for j, s in enumerate(SHAPES)] for i in range(4))
    return [*p, *mu, *map(np.square, nu), *(gradient_scale * leaf for leaf in g)]


def adamw(inputs: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Loshchilov and Hutter 2017, algorithm 2, after Pascanu et al. 2012, algorithm 1."""
    size = len(inputs) // 4
    p, mu, nu, g = (inputs[i * size : (i + 1) * size] for i in range(4))
    norm = math.sqrt(sum(float(np.sum(leaf**2)) for leaf in g))
    g = [leaf * min(1.0, OPTIONS["max_norm"] / norm) for leaf in g]
    b1, b2, rate = OPTIONS["b1"], OPTIONS["b2"], OPTIONS["learning_rate"]
    mu = [b1 * m + (1 - b1) * leaf for m, leaf in zip(mu, g, strict=True)]
    nu = [b2 * v + (1 - b2) * leaf**2 for v, leaf in zip(nu, g, strict=True)]
    new = []
    for leaf, m, v in zip(p, mu, nu, strict=True):
        step = m / (1 - b1 ** (count + 1))
        step = step / (np.sqrt(v / (1 - b2 ** (count + 1))) + OPTIONS["epsilon"])
        decay = OPTIONS["weight_decay"] if leaf.ndim > 1 else 0.0
        new.append(leaf - rate * (step + decay * leaf))
    return [*new, *mu, *nu]


def update(inputs, count: int, dtype, **changed):
    module = AdamWUpdate(**(OPTIONS | changed), count=count, dtype=dtype, rngs=nnx.Rngs(0))
    graph, state = nnx.split(module)
    arrays = [jnp.asarray(leaf, dtype) for leaf in inputs]
    return jax.jit(lambda s, *a: nnx.merge(graph, s)(*a))(state, *arrays)


@pytest.mark.parametrize("gradient_scale", [1.0, 1e-2], ids=["clipped", "not clipped"])
@pytest.mark.parametrize("count", [0, 1000])
def test_agrees_with_the_papers(gradient_scale, count):
    inputs = leaves(gradient_scale=gradient_scale)
    expected = adamw(inputs, count)
    # The change is what the update computes; the parameters themselves would hide an error in it.
    with jax.enable_x64(True):
        got = update(inputs, count, jnp.float64)
        for old, new, wanted in zip(inputs, got, expected, strict=False):
            assert new.dtype == jnp.float64
            np.testing.assert_allclose(new - old, wanted - old, rtol=1e-9, atol=1e-12)
    got = update(inputs, count, jnp.float32)
    assert len(got) == len(expected)
    for old, new, wanted in zip(inputs, got, expected, strict=False):
        assert new.dtype == jnp.float32
        np.testing.assert_allclose(new - old, wanted - old, rtol=1e-3, atol=1e-6)


def test_arithmetic_is_float32_when_the_inputs_are_bfloat16():
    inputs = [np.asarray(leaf.astype(jnp.bfloat16), np.float64) for leaf in leaves()]
    got = update(inputs, 1000, jnp.bfloat16)
    for new, wanted in zip(got, adamw(inputs, 1000), strict=True):
        assert new.dtype == jnp.bfloat16
        # One rounding, at the end: half a unit in the last of eight bits.
        np.testing.assert_allclose(new.astype(jnp.float32), wanted, rtol=2.0**-8, atol=1e-6)


def test_a_step_without_gradient_or_momentum_only_decays_what_is_not_a_vector():
    zeros = [np.zeros(shape) for shape in SHAPES]
    parameters = leaves()[: len(SHAPES)]
    got = update([*parameters, *zeros, *zeros, *zeros], 0, jnp.float32)
    for old, new in zip(parameters, got, strict=False):
        kept = 1 - OPTIONS["learning_rate"] * OPTIONS["weight_decay"] if old.ndim > 1 else 1
        np.testing.assert_allclose(new, kept * old, rtol=1e-6)


def test_the_first_step_moves_every_parameter_by_the_learning_rate():
    zeros = [np.zeros(shape) for shape in SHAPES]
    gradients = leaves()[-len(SHAPES) :]
    got = update([*zeros, *zeros, *zeros, *gradients], 0, jnp.float32)
    for new, gradient in zip(got, gradients, strict=False):
        np.testing.assert_allclose(new, -OPTIONS["learning_rate"] * np.sign(gradient), rtol=1e-4)


def test_trees_of_unequal_size_are_refused():
    with pytest.raises(TypeError, match="4 trees"):
        update(leaves()[:-1], 0, jnp.float32)


def test_sgd_agrees_with_momentum_written_down():
    rate, momentum, decay = 0.1, 0.9, 1e-2
    p, m, g = ([normal(10 * i + j, *s) for j, s in enumerate(SHAPES)] for i in range(3))
    module = SGDUpdate(rate, momentum, decay)
    velocity = [
        momentum * old + gradient + decay * leaf
        for leaf, old, gradient in zip(p, m, g, strict=True)
    ]
    moved = [leaf - rate * v for leaf, v in zip(p, velocity, strict=True)]
    with jax.enable_x64(True):
        got = jax.jit(module.__call__)(*map(jnp.asarray, (*p, *m, *g)))
        for new, wanted in zip(got, (*moved, *velocity), strict=True):
            np.testing.assert_allclose(new, wanted, rtol=1e-12)
    got = jax.jit(module.__call__)(*(jnp.asarray(leaf, jnp.bfloat16) for leaf in (*p, *m, *g)))
    for new, wanted in zip(got, (*moved, *velocity), strict=True):
        assert new.dtype == jnp.bfloat16
        np.testing.assert_allclose(new.astype(jnp.float32), wanted, rtol=0.02, atol=0.03)


def test_r3d_18_has_its_published_parameters():
    row = catalogue.find("r3d_18-sgd")
    for tree in ("p", "m", "g"):
        sizes = [math.prod(v.shape) for k, v in row.inputs.items() if k.startswith(f"{tree}/")]
        assert sum(sizes) == 33_371_472
    assert row.carry == 2 * len(sizes)


@functools.cache
def published():
    row = catalogue.find("vit-b-adamw")
    leaves = [jax.ShapeDtypeStruct(item.shape, jnp.float32) for item in row.inputs.values()]
    return row, leaves, jax.eval_shape(AdamWUpdate(**row.options), *leaves)


def test_vit_b_has_the_parameters_of_a_videomae_b_encoder():
    row, _, _ = published()
    width, depth = 768, 12
    embed = 2 * 16 * 16 * 3 * width + width
    attention = 3 * width * width + 2 * width + width * width + width
    mlp = 4 * width * width + 4 * width + 4 * width * width + width
    expected = embed + depth * (2 * width + attention + 2 * width + mlp) + 2 * width
    assert expected == 86_227_200
    for tree in ("p", "mu", "nu", "g"):
        sizes = [math.prod(v.shape) for k, v in row.inputs.items() if k.startswith(f"{tree}/")]
        assert sum(sizes) == expected


def test_outputs_replace_the_inputs_that_the_row_carries():
    row, inputs, outputs = published()
    assert len(outputs) == row.carry == 3 * len(inputs) // 4
    for old, new in zip(inputs, outputs, strict=False):
        assert (new.shape, new.dtype) == (old.shape, old.dtype)
