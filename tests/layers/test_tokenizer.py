"""The MAGVIT tokenizer's blocks against sums over taps, and its codebook against a search."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal, parameters_of
from layers.numpy_attention import softmax
from layers.numpy_convolutional import convolve, parameter_count, silu
from layers.numpy_vae import group_norm, nearest
from reelbench.catalogue import find
from reelbench.layers.tokenizer import (
    MagvitConv3D,
    MagvitHead,
    MagvitResidualBlock,
    MagvitUpsample,
    VectorQuantizer,
)
from reelbench.layers.tokenizer_magvit import average

GROUPS = 2


def conv(p, x):
    return convolve(x, p["kernel"]) + p.get("bias", 0.0)


def block(p, x):
    y = conv(p["conv1"], silu(group_norm(p["norm1"], x, GROUPS)))
    y = conv(p["conv2"], silu(group_norm(p["norm2"], y, GROUPS)))
    return y + (conv(p["shortcut"], x) if "shortcut" in p else x)


@pytest.mark.parametrize("features", [(4, 4), (4, 6)])
def test_block_agrees_with_sums_over_taps(features):
    make = functools.partial(MagvitResidualBlock, *features, groups=GROUPS)
    assert_agrees(make, block, normal(0, 2, 3, 4, 3, 4))


def test_the_ends_agree_with_sums_over_taps():
    stem = functools.partial(MagvitConv3D, 3, 4, use_bias=True)
    assert_agrees(stem, lambda p, x: conv(p["conv"], x), normal(0, 1, 2, 3, 2, 3))
    head = functools.partial(MagvitHead, 4, 3, groups=GROUPS, kernel_size=(1, 1, 1))

    def oracle(p, x):
        return conv(p["conv"], silu(group_norm(p["norm"], x, GROUPS)))

    assert_agrees(head, oracle, normal(0, 1, 2, 3, 2, 4))


def test_changes_of_resolution_agree_with_one_patch_at_a_time():
    make = functools.partial(MagvitUpsample, 3, 2, (2, 2, 2))
    oracle = lambda p, x: conv(p["conv"], nearest(x, (2, 2, 2)))  # noqa: E731
    assert_agrees(make, oracle, normal(0, 1, 2, 2, 3, 3))
    x = normal(0, 2, 4, 4, 6, 3)
    means = average(jnp.asarray(x), (2, 2, 3))
    assert means.shape == (2, 2, 2, 2, 3)
    for t, h, w in np.ndindex(2, 2, 2):
        patch = x[:, 2 * t : 2 * t + 2, 2 * h : 2 * h + 2, 3 * w : 3 * w + 3]
        np.testing.assert_allclose(means[:, t, h, w], patch.mean((1, 2, 3)), rtol=1e-4, atol=1e-6)


def search(codebook, x):
    """Index of the nearest code of every vector, one by one."""
    indices = np.empty(x.shape[:-1], int)
    for place in np.ndindex(*indices.shape):
        indices[place] = np.argmin([np.sum((x[place] - code) ** 2) for code in codebook])
    return indices


def loss_of(codebook, x, nearest, commitment=0.25, entropy=0.1, temperature=0.01):
    vectors = x.reshape(-1, x.shape[-1])
    squares = ((vectors[:, None] - codebook) ** 2).sum(-1)
    chances = softmax(-squares / temperature)
    together = chances.mean(0)
    each = -(chances * np.log(np.maximum(chances, 1e-300))).sum(1).mean()
    used = -(together * np.log(together + 1e-5)).sum()
    return (commitment + 1) * ((nearest - x) ** 2).mean() + entropy * (each - used)


def quantizer(**options):
    with jax.enable_x64(True):
        layer = VectorQuantizer(3, 5, param_dtype=jnp.float64, rngs=nnx.Rngs(0), **options)
    return layer, parameters_of(layer)["codebook"]


def test_every_vector_becomes_its_nearest_code():
    layer, codebook = quantizer()
    x = normal(0, 2, 2, 2, 3, 3)
    with jax.enable_x64(True):
        indices = search(codebook, x)
        quantised, loss = layer(jnp.asarray(x))
        np.testing.assert_array_equal(layer.indices(jnp.asarray(x)), indices)
        np.testing.assert_allclose(quantised, codebook[indices], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(loss, loss_of(codebook, x, codebook[indices]), rtol=1e-10)


def test_the_gradient_passes_straight_through_to_the_vectors_only():
    layer, _ = quantizer()
    x, cotangent = normal(0, 1, 2, 2, 2, 3), normal(1, 1, 2, 2, 2, 3)
    graph, state = nnx.split(layer)
    with jax.enable_x64(True):

        def quantised(state, x):
            return jnp.sum(nnx.merge(graph, state)(x)[0] * cotangent)

        by_state, by_x = jax.grad(quantised, argnums=(0, 1))(state, jnp.asarray(x))
    np.testing.assert_allclose(by_x, cotangent, rtol=1e-12)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(by_state))


def test_the_codebook_learns_from_the_loss():
    """Each term of the loss moves what it should: by finite differences, codes fixed."""
    layer, codebook = quantizer(temperature=0.5)
    x = normal(0, 1, 2, 2, 2, 3)
    fixed = codebook[search(codebook, x)]
    indices = search(codebook, x)
    graph, state = nnx.split(layer)
    move_codes, move_x = normal(2, *codebook.shape), normal(3, *x.shape)
    step = 1e-6

    def at(sign):
        codes, vectors = codebook + sign * step * move_codes, x + sign * step * move_x
        # Commitment moves the vectors, the codebook term the codes, entropy both.
        value = loss_of(codes, vectors, vectors, temperature=0.5)
        value += 0.25 * ((fixed - vectors) ** 2).mean() + ((codes[indices] - x) ** 2).mean()
        return value

    with jax.enable_x64(True):
        by_state, by_x = jax.grad(lambda state, x: nnx.merge(graph, state)(x)[1], argnums=(0, 1))(
            state, jnp.asarray(x)
        )
    slope = np.vdot(nnx.to_pure_dict(by_state)["codebook"], move_codes) + np.vdot(by_x, move_x)
    np.testing.assert_allclose(slope, (at(1) - at(-1)) / (2 * step), rtol=1e-6)


def test_codes_are_chosen_in_float32_whatever_the_dtype():
    layer = VectorQuantizer(3, 5, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    x = jnp.asarray(normal(0, 1, 2, 2, 2, 3), jnp.bfloat16)
    quantised, loss = layer(x)
    assert quantised.dtype == jnp.bfloat16
    assert loss.dtype == jnp.float32
    codebook = parameters_of(layer)["codebook"]
    np.testing.assert_array_equal(layer.indices(x), search(codebook, np.asarray(x, np.float64)))


def test_the_published_layers_have_their_parameters():
    def count(layer, name):
        return parameter_count(lambda: layer(**find(name).options, rngs=nnx.Rngs(0)))

    residual = 2 * (2 * 64 + 27 * 64 * 64)
    assert count(MagvitResidualBlock, "magvit-b-residual") == residual == 221_440
    assert count(VectorQuantizer, "magvit-b-quantizer") == 1024 * 256
