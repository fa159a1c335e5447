"""Causal 3-D convolution against a sum over taps; the past, the future and the cache."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import convolve, parameter_count
from layers.numpy_vae import causal as convolve_causally
from reelbench.catalogue import find
from reelbench.layers.causal import CausalConv3D


def causal(x: np.ndarray, p, strides=(1, 1, 1)) -> np.ndarray:
    t, h, w = p["kernel"].shape[:3]
    padding = [(t - 1, 0), (h // 2, h // 2), (w // 2, w // 2)]
    return convolve(x, p["kernel"], strides, padding) + p["bias"]


@pytest.mark.parametrize(
    ("kernel_size", "strides", "shape"),
    [
        ((3, 3, 3), (1, 1, 1), (4, 5, 3)),
        ((3, 3, 3), (2, 2, 1), (1, 4, 5)),
        ((5, 1, 3), (2, 1, 1), (5, 2, 4)),
    ],
)
def test_agrees_with_a_sum_over_taps(kernel_size, strides, shape):
    make = functools.partial(CausalConv3D, 3, 4, kernel_size=kernel_size, strides=strides)
    assert_agrees(make, lambda p, x: causal(x, p["conv"], strides), normal(0, 2, *shape, 3))


@pytest.mark.parametrize("border", ["first", "nearest"])
def test_a_clip_may_be_continued_by_its_own_pixels(border):
    make = functools.partial(CausalConv3D, 3, 4, strides=(2, 2, 2), border=border)

    def oracle(p, x):
        return convolve_causally(p, x, border, (2, 2, 2))

    assert_agrees(make, oracle, normal(0, 2, 3, 4, 5, 3))


def test_no_output_sees_a_later_frame():
    layer = CausalConv3D(3, 4, rngs=nnx.Rngs(0))
    x = normal(0, 1, 6, 4, 5, 3).astype(np.float32)
    changed = x.copy()
    changed[:, 3:] += 1
    before, after = np.asarray(layer(x)), np.asarray(layer(changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(axis=(0, 2, 3, 4)).all()


@pytest.mark.parametrize(
    ("kernel_time", "stride_time", "chunks", "border"),
    [
        (3, 1, (1, 4, 4), "zeros"),
        (3, 1, (1, 1, 2, 1), "nearest"),
        (1, 1, (2, 1), "zeros"),
        (4, 2, (2, 4, 1), "first"),
    ],
)
def test_chunks_with_a_cache_equal_the_whole_clip(kernel_time, stride_time, chunks, border):
    with jax.enable_x64(True):
        layer = CausalConv3D(
            3,
            4,
            kernel_size=(kernel_time, 3, 3),
            strides=(stride_time, 1, 1),
            border=border,
            param_dtype=jnp.float64,
            rngs=nnx.Rngs(0),
        )
        x = jnp.asarray(normal(0, 2, sum(chunks), 4, 5, 3))
        outputs, cache, first = [], None, 0
        for length in chunks:
            output, cache = layer.stream(x[:, first : first + length], cache)
            assert cache.shape == (2, kernel_time - 1, 4, 5, 3)
            outputs.append(output)
            first += length
        np.testing.assert_allclose(np.concatenate(outputs, 1), layer(x), rtol=1e-12, atol=1e-12)


def test_the_published_layer_has_its_parameters():
    options = find("wan-vae-causal-conv").options
    count = parameter_count(lambda: CausalConv3D(**options, rngs=nnx.Rngs(0)))
    assert count == 27 * 96 * 96 + 96 == 248_928
