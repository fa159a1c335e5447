"""Lift, splat and the network of the ground against loops over points; the cells of points."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import parameter_count, softmax
from layers.numpy_convolutional import relu, wide_statistics
from layers.numpy_images import conv2d, conv_norm, corners_kept
from reelbench.layers.convnorm import upsample_bilinear
from reelbench.layers.frustum import cells_of_points
from reelbench.layers.liftsplat import (
    BasicBlock2D,
    DepthLift,
    GroundHead,
    GroundStem,
    Splat,
    UpBlock,
)


def test_lifting_agrees_with_an_outer_product_at_each_pixel():
    def oracle(p, x):
        kernel, bias = p["conv"]["kernel"][0, 0], p["conv"]["bias"]
        out = np.zeros((*x.shape[:2], 3, *x.shape[2:4], 2))
        for at in np.ndindex(*x.shape[:4]):
            y = x[at] @ kernel + bias
            out[(*at[:2], slice(None), *at[2:])] = np.outer(softmax(y[:3]), y[3:])
        return out

    assert_agrees(functools.partial(DepthLift, 4, 3, 2), oracle, normal(0, 2, 2, 2, 3, 4))


def splat(p, points, cell):
    out = np.zeros((len(points), 2 * 3, points.shape[-1]))
    for at in np.ndindex(*cell.shape):
        if 0 <= cell[at] < 6:
            out[at[0], cell[at]] += points[at]
    return out.reshape(len(points), 2, 3, -1)


def test_splatting_sums_the_points_of_each_cell_and_drops_those_beside_the_map():
    points = normal(0, 2, 2, 3, 2, 2, 4)
    cell = np.random.default_rng(1).integers(-2, 9, points.shape[:-1])
    assert {*cell.ravel()} >= {-2, -1, 0, 5, 6, 8}
    assert_agrees(lambda **made: Splat((2, 3), **made), splat, points, cell)


def test_the_order_of_cameras_does_not_matter_to_the_splat():
    points = normal(0, 1, 3, 2, 2, 2, 4).astype(np.float32)
    cell = np.random.default_rng(1).integers(0, 6, points.shape[:-1])
    layer = jax.jit(Splat((2, 3)))
    np.testing.assert_allclose(
        layer(points[:, ::-1], cell[:, ::-1]), layer(points, cell), atol=1e-5
    )


def test_lifted_points_of_a_pixel_sum_to_its_features():
    module = DepthLift(4, 5, 3, rngs=nnx.Rngs(0))
    x = normal(0, 1, 1, 2, 2, 4).astype(np.float32)
    y = x @ np.asarray(module.conv.kernel[0, 0])
    np.testing.assert_allclose(module(x).sum(2), y[..., 5:], atol=1e-5)


@pytest.mark.parametrize(("factor", "train"), [(2, False), (3, True)])
def test_an_up_block_joins_an_enlarged_map_behind_a_finer_one(factor, train):
    def oracle(p, coarse, fine):
        both = np.concatenate((fine, corners_kept(coarse, factor)), -1)
        return conv_norm(p["conv2"], conv_norm(p["conv1"], both, train=train), train=train)

    make = wide_statistics(functools.partial(UpBlock, (3, 2), 4, factor))
    inputs = normal(0, 2, 2, 3, 3), normal(1, 2, 2 * factor, 3 * factor, 2)
    assert_agrees(make, oracle, *inputs, train=train)


def test_enlarging_keeps_the_corners_and_a_single_pixel():
    x = normal(0, 1, 3, 4, 2).astype(np.float32)
    large, single = np.asarray(upsample_bilinear(x, 4)), x[:, :1, :1]
    np.testing.assert_allclose(large[:, ::11, ::15], x[:, ::2, ::3], rtol=1e-6)
    np.testing.assert_allclose(upsample_bilinear(single, 3), np.tile(single, (1, 3, 3, 1)))


@pytest.mark.parametrize(("out", "stride"), [(3, 1), (4, 2)])
def test_a_residual_block_agrees_with_its_convolutions(out, stride):
    def oracle(p, x):
        y = conv_norm(p["conv2"], conv_norm(p["conv1"], x, stride=stride), "none")
        return relu(y + (conv_norm(p["shortcut"], x, "none", stride=stride) if stride > 1 else x))

    make = functools.partial(BasicBlock2D, 3, out, strides=(stride, stride))
    assert_agrees(wide_statistics(make), oracle, normal(0, 2, 5, 4, 3))


def test_a_residual_block_starts_as_its_shortcut():
    module = BasicBlock2D(3, 3, rngs=nnx.Rngs(0))
    module.eval()
    x = abs(normal(0, 1, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(nnx.jit(module)(x), x)


def test_the_stem_and_the_head_of_the_ground():
    def stem(p, x):
        return conv_norm(p, x, stride=2)

    make = wide_statistics(functools.partial(GroundStem, 2, 3))
    assert_agrees(make, stem, normal(0, 1, 6, 5, 2))

    def head(p, x):
        y = conv_norm(p["conv"], corners_kept(x, 2))
        return conv2d(y, p["out"]["kernel"]) + p["out"]["bias"]

    make = wide_statistics(functools.partial(GroundHead, 3, 2, 4))
    assert_agrees(make, head, normal(0, 1, 3, 2, 3))


def test_points_fall_where_pinhole_geometry_says():
    focal, centre = 20.0, (24.0, 16.0)
    intrinsics = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    # The camera looks along x: its right is the vehicle's -y, its down is -z.
    ahead = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    place = np.array([1.0, -0.5, 1.5])
    scale, shift = np.diag([0.5, 0.5, 1.0]), np.array([-3.0, 2.0, 0.0])
    sizes = {"x": (-8.0, 8.0, 1.0), "y": (-6.0, 6.0, 0.5), "z": (-10.0, 10.0, 20.0)}
    cell = cells_of_points(
        *(np.float32(each)[None] for each in (ahead, place, intrinsics, scale, shift)),
        image=(32, 48),
        depth=(2.0, 12.0, 1.0),
        **sizes,
    )
    assert cell.shape == (1, 10, 2, 3)
    seen = set()
    for d, i, j in np.ndindex(10, 2, 3):
        u, v = (j * 47 / 2 + 3) / 0.5, (i * 31 - 2) / 0.5
        depth = d + 2
        right, down = (u - centre[0]) / focal * depth, (v - centre[1]) / focal * depth
        x, y, z = depth + 1, -right - 0.5, -down + 1.5
        ix, iy = int(x + 8), int((y + 6) / 0.5)
        # Less than a cell before the edge counts as inside, as in the source; upwards a cell is
        # the whole 20 m.
        inside = ix < 16 and -0.5 < y + 6 < 12 and -20 < z + 10 < 20
        assert cell[0, d, i, j] == (ix * 24 + iy if inside else 16 * 24), (d, i, j)
        seen.add(inside)
    assert seen == {True, False}


def test_parameters_of_the_published_layers():
    assert parameter_count("lss-lift") == 512 * (41 + 64) + 41 + 64
    assert parameter_count("lss-camera-up") == 9 * 432 * 512 + 9 * 512 * 512 + 4 * 512
    assert parameter_count("lss-ground-layer1") == 2 * (9 * 64 * 64 + 2 * 64)
    assert parameter_count("lss-ground-layer3") == (
        9 * 128 * 256 + 9 * 256 * 256 + 128 * 256 + 3 * 2 * 256
    )
    assert parameter_count("lss-splat") == 0
