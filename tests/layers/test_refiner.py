"""HunyuanVideo's token refiner and pooled embedding against plain NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import layer_norm, linear, self_attention
from layers.numpy_denoising import clip_by_clip, silu, time_embedding
from reelbench.layers.refiner import PooledEmbedding, TokenRefiner

WIDTH, HEADS, MLP = 8, 2, 6


def pooled(p, step, vector, guidance=None):
    embedded = time_embedding(p["timestep"], step, 256)
    if guidance is not None:
        embedded = embedded + time_embedding(p["guidance"], guidance, 256)
    return embedded + linear(p["contract"], silu(linear(p["expand"], vector)))


def refine(p, text, step):
    embedded = silu(pooled(p["embedding"], step, text.mean(0)))
    x = linear(p["proj"], text)
    for i in range(2):
        block = p["blocks"][i]
        gate1, gate2 = np.split(linear(block["gates"], embedded), 2)
        h = layer_norm(block["norm1"], x, 1e-6)
        x = x + gate1 * self_attention(block["attention"], h, HEADS)
        h = layer_norm(block["norm2"], x, 1e-6)
        x = x + gate2 * linear(block["contract"], silu(linear(block["expand"], h)))
    return x


def test_one_vector_holds_the_step_the_text_and_the_guidance():
    make = functools.partial(PooledEmbedding, 5, WIDTH, guidance=True)
    assert_agrees(make, clip_by_clip(pooled), normal(0, 2), normal(1, 2, 5), normal(2, 2))


def test_the_refiner_agrees_with_loops_over_heads():
    make = functools.partial(TokenRefiner, 5, WIDTH, HEADS, MLP)
    assert_agrees(make, clip_by_clip(refine), normal(0, 2, 4, 5), normal(1, 2))


def test_hidden_text_is_as_good_as_none():
    module = TokenRefiner(5, WIDTH, HEADS, MLP, rngs=nnx.Rngs(0))
    text = jnp.asarray(normal(0, 1, 6, 5), jnp.float32)
    step = jnp.ones(1)
    hidden = jax.jit(module)(text, step, jnp.arange(6)[None] < 4)
    np.testing.assert_allclose(hidden[:, :4], jax.jit(module)(text[:, :4], step), atol=1e-5)
    assert np.isfinite(hidden).all()
