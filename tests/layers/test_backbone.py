"""Backbones of camera images against convolutions by taps and sampling pixel by pixel."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import convolve, parameter_count, relu, sigmoid
from layers.numpy_driving import hat_sample
from reelbench import catalogue, layers
from reelbench.layers.backbone import FPN, Bottleneck, DeformableConv2D, FrozenBatchNorm, ResNetStem


def conv(p, x: np.ndarray, stride: int = 1) -> np.ndarray:
    """A 2-D convolution of each camera's image."""
    flat = x.reshape(-1, *x.shape[-3:])
    out = convolve(flat, p["kernel"], (stride, stride)) + p.get("bias", 0)
    return out.reshape(*x.shape[:-3], *out.shape[1:])


def frozen(p, x: np.ndarray) -> np.ndarray:
    return (x - p["mean"]) / np.sqrt(p["var"] + 1e-5) * p["scale"] + p["bias"]


def deformable(p, x: np.ndarray, stride: int = 1) -> np.ndarray:
    steer = conv(p["offset"], x, stride)
    out = np.zeros((*steer.shape[:-1], p["kernel"].shape[-1]))
    for place in np.ndindex(*steer.shape[:-1]):
        camera, (row, column) = place[:-2], place[-2:]
        for tap, (i, j) in enumerate(np.ndindex(3, 3)):
            down, right = steer[(*place, slice(2 * tap, 2 * tap + 2))]
            at = column * stride + j - 1 + right, row * stride + i - 1 + down
            share = sigmoid(steer[(*place, 18 + tap)])
            out[place] += share * hat_sample(x[camera], *at) @ p["kernel"][i, j]
    return out


def bottleneck(p, x, strides: int, style: str, deforms: bool) -> np.ndarray:
    first, middle = (strides, 1) if style == "caffe" else (1, strides)
    y = relu(frozen(p["norm1"], conv(p["conv1"], x, first)))
    y = relu(frozen(p["norm2"], (deformable if deforms else conv)(p["conv2"], y, middle)))
    y = frozen(p["norm3"], conv(p["conv3"], y))
    if "shortcut" in p:
        x = frozen(p["shortcut_norm"], conv(p["shortcut"], x, strides))
    return relu(x + y)


def test_deformable_convolution_agrees_with_sampling_each_tap():
    make = functools.partial(DeformableConv2D, 3, 2)
    assert_agrees(make, deformable, normal(0, 2, 1, 3, 4, 3))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_deformable_convolution_that_moves_nothing_is_half_an_ordinary_one(stride):
    module = DeformableConv2D(3, 4, strides=stride, rngs=nnx.Rngs(0))
    x = normal(0, 2, 5, 6, 3)
    ordinary = conv({"kernel": np.asarray(module.kernel[...])}, x, stride)
    np.testing.assert_allclose(nnx.jit(module)(x), ordinary / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("features", "strides", "style", "deforms"),
    [((4, 2, 8), 2, "pytorch", False), ((4, 2, 8), 2, "caffe", True)],
)
def test_bottleneck_agrees(features, strides, style, deforms):
    make = functools.partial(
        Bottleneck, *features, strides=strides, style=style, deformable=deforms
    )

    def oracle(p, x):
        return bottleneck(p, x, strides, style, deforms)

    assert_agrees(make, oracle, normal(0, 1, 2, 5, 4, 4))


def test_a_block_that_keeps_the_shape_adds_its_input_as_it_is():
    module = Bottleneck(8, 2, 8, rngs=nnx.Rngs(0))
    assert not hasattr(module, "shortcut")
    module.norm3.scale[...] *= 0
    x = normal(0, 1, 2, 4, 4, 8)
    np.testing.assert_allclose(nnx.jit(module)(x), relu(x), atol=1e-6)


def test_stem_agrees_with_taps_and_the_largest_of_nine():
    def oracle(p, x):
        y = relu(frozen(p["norm"], conv(p["conv"], x, 2)))
        padded = np.pad(y, [(0, 0)] * 2 + [(1, 1)] * 2 + [(0, 0)], constant_values=-np.inf)
        rows, columns = (-(-n // 2) for n in y.shape[2:4])
        shifted = [
            padded[:, :, i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2]
            for i in range(3)
            for j in range(3)
        ]
        return np.max(shifted, axis=0)

    assert_agrees(functools.partial(ResNetStem, 4), oracle, normal(0, 1, 2, 9, 12, 3))


def test_normalisation_stays_frozen_in_training():
    module = FrozenBatchNorm(3, rngs=nnx.Rngs(0))
    x = normal(0, 4, 3) + 5
    module.train()
    np.testing.assert_allclose(module(x), x / np.sqrt(1 + 1e-5), rtol=1e-6)
    np.testing.assert_array_equal(module.mean[...], 0)


class Flat(nnx.Module):
    """A pyramid, its outputs as one vector."""

    def __init__(self, **rest):
        self.inner = FPN((3, 5), 4, num_outs=4, **rest)

    def __call__(self, *maps):
        return jax.numpy.concatenate([out.ravel() for out in self.inner(*maps)])


def test_pyramid_agrees():
    def oracle(p, fine, coarse):
        p = p["inner"]
        low = conv(p["lateral"][1], coarse)
        high = conv(p["lateral"][0], fine)
        for row, column in np.ndindex(*high.shape[2:4]):
            # The coarse map is 2 × 2, the fine one 3 × 4.
            high[:, :, row, column] += low[:, :, row * 2 // 3, column // 2]
        outputs = [conv(p["out"][0], high), conv(p["out"][1], low)]
        outputs.append(conv(p["extra"][0], outputs[-1], 2))
        outputs.append(conv(p["extra"][1], relu(outputs[-1]), 2))
        return np.concatenate([out.ravel() for out in outputs])

    assert_agrees(Flat, oracle, normal(0, 1, 2, 3, 4, 3), normal(1, 1, 2, 2, 2, 5))


def block(inside: int, width: int, outside: int, offsets: int = 0) -> int:
    """Convolutions, scale and bias of their norms, and the convolution that places the taps."""
    convolutions = inside * width + width * width * 9 + width * outside
    return convolutions + 2 * (width + width + outside) + offsets * (width * 9 + 1)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("resnet50-camera-layer3", block(1024, 256, 1024)),
        ("r101-dcn-camera-layer3", block(1024, 256, 1024, offsets=27)),
        ("fpn-camera-base", (512 + 1024 + 2048 + 3) * 256 + 4 * (256 * 256 * 9 + 256)),
    ],
)
def test_parameters_of_the_published_layers(name, count):
    row = catalogue.find(name)
    assert parameter_count(lambda: layers.create(row, dtype=np.float32)) == count
