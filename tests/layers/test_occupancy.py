"""Attention on three planes against loops over cells and cameras, and voxels one by one."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal, parameters_of
from layers.numpy_attention import layer_norm, linear
from layers.numpy_convolutional import parameter_count
from layers.numpy_driving import feed_forward, mean_over_cameras, star
from reelbench import catalogue, layers
from reelbench.layers import randomise_constants
from reelbench.layers.occupancy import (
    CrossViewHybridAttention,
    ImageCrossAttention,
    TPVAggregator,
    TPVEmbedding,
    TPVFormerLayer,
)

WIDTH, HEADS = 4, 2
GRID = (2, 3, 1)  # h × w, z × h and w × z have 6, 2 and 3 cells
CELLS = (6, 2, 3)
POINTS, ANCHORS = (2, 4, 4), (1, 2, 2)
LEVELS = ((3, 4), (2, 2))
TOKENS = 16
SAMPLING = {
    "num_points": POINTS, "num_anchors": ANCHORS, "grid": GRID, "levels": LEVELS,
}  # fmt: skip


def of_the_images() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    points = [rng.integers(0, 64, (1, 2, 2, anchors, 2)) / 64 for anchors in ANCHORS]
    # One slot of each plane is padding, one cell is seen by both cameras, most by none.
    index = [np.array([[[1, 0], [1, cells]]]) for cells in CELLS]
    return normal(1, 1, 2, TOKENS, WIDTH), *points, *index


def image_cross_attention(p, query, value, *rest) -> np.ndarray:
    points, index = rest[:3], rest[3:]
    out = np.empty_like(query)
    for clip in range(len(query)):
        means = []
        for plane, cells in enumerate(np.split(query[clip], np.cumsum(CELLS)[:-1])):
            mine = {
                "sampling_offsets": p["sampling_offsets"][plane],
                "attention_weights": p["attention_weights"][plane],
                "value_projection": p["value_projection"],
            }
            each = POINTS[plane] // ANCHORS[plane]
            means.append(
                mean_over_cameras(
                    mine, cells, value[clip], LEVELS, points[plane][clip], index[plane][clip],
                    HEADS, lambda seen, point, each=each: seen[point // each],
                )
            )  # fmt: skip
        out[clip] = query[clip] + linear(p["out"], np.concatenate(means))
    return out


def test_image_cross_attention_agrees_with_loops_over_cells_and_cameras():
    make = functools.partial(ImageCrossAttention, WIDTH, HEADS, **SAMPLING)
    assert_agrees(make, image_cross_attention, normal(0, 1, sum(CELLS), WIDTH), *of_the_images())


def test_samples_start_around_their_own_anchor():
    module = ImageCrossAttention(WIDTH, HEADS, **SAMPLING, rngs=nnx.Rngs(0))
    for plane, distances in enumerate(([1, 2], [1, 2, 1, 2], [1, 2, 1, 2])):
        expected = star(HEADS, len(LEVELS), distances)
        bias = np.asarray(module.sampling_offsets[plane].bias[...])
        np.testing.assert_allclose(bias.reshape(expected.shape), expected, atol=1e-6)


def test_hybrid_attention_changes_only_the_horizontal_plane():
    make = functools.partial(TPVFormerLayer, WIDTH, HEADS, hybrid_points=2, mlp_dim=5, **SAMPLING)
    inputs = normal(0, 1, sum(CELLS), WIDTH), normal(2, CELLS[0], WIDTH), *of_the_images()
    with jax.enable_x64(True):
        module = make(dtype=np.float64, param_dtype=np.float64, rngs=nnx.Rngs(0))
        randomise_constants(module, seed=1)
        p = parameters_of(module)
        got = nnx.jit(module)(*inputs)

        query, position, *rest = inputs
        flat = query[:, : CELLS[0]]
        x = query.copy()
        x[:, : CELLS[0]] = nnx.jit(module.hybrid)(flat, position)
        assert np.abs(x - query)[:, : CELLS[0]].max() > 1e-3
        x = layer_norm(p["hybrid_norm"], x, 1e-5)
        x = layer_norm(p["image_norm"], image_cross_attention(p["image"], x, *rest), 1e-5)
        expected = layer_norm(p["mlp_norm"], feed_forward(p["mlp"], x), 1e-5)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_hybrid_attention_is_temporal_attention_to_two_copies_of_the_present():
    module = CrossViewHybridAttention(WIDTH, HEADS, 2, GRID[:2], rngs=nnx.Rngs(0))
    query, position = normal(0, 1, CELLS[0], WIDTH), normal(1, CELLS[0], WIDTH)
    copies = np.stack([query, query], axis=1)
    expected = nnx.jit(module.attention)(query, copies, position, np.zeros((1, 2)))
    np.testing.assert_allclose(nnx.jit(module)(query, position), expected, atol=1e-6)


def test_aggregator_agrees_with_a_sum_for_each_voxel():
    def oracle(p, query):
        h, w, z = GRID
        hw, zh, wz = np.split(query, np.cumsum(CELLS)[:-1], axis=1)
        voxels = np.empty((len(query), w, h, z, WIDTH))
        for column, row, level in np.ndindex(w, h, z):
            voxels[:, column, row, level] = (
                hw[:, row * w + column] + zh[:, level * h + row] + wz[:, column * z + level]
            )
        hidden = np.log1p(np.exp(linear(p["fc1"], voxels)))
        return linear(p["classifier"], linear(p["fc2"], hidden))

    make = functools.partial(
        TPVAggregator, WIDTH, hidden_features=6, out_features=5, num_classes=3, grid=GRID
    )
    assert_agrees(make, oracle, normal(0, 2, sum(CELLS), WIDTH))


def test_embedding_gives_the_learned_planes_to_every_clip():
    module = TPVEmbedding(WIDTH, grid=GRID, cameras=2, levels=LEVELS, rngs=nnx.Rngs(0))
    value = normal(0, 2, 2, TOKENS, WIDTH)
    cells, position, embedded = nnx.jit(module)(value)
    learned = np.concatenate([np.asarray(plane[...]) for plane in module.planes])
    np.testing.assert_array_equal(cells, np.stack([learned, learned]))
    assert position.shape == (CELLS[0], WIDTH)
    # Neighbours in a row share what belongs to the row.
    np.testing.assert_array_equal(position[0, WIDTH // 2 :], position[1, WIDTH // 2 :])
    np.testing.assert_array_equal(position[0, : WIDTH // 2], position[GRID[1], : WIDTH // 2])
    np.testing.assert_allclose(embedded, nnx.jit(module.camera)(value))


LINEAR = 256 * 256 + 256
IMAGE = (256 + 1) * (8 * 4 * (8 + 64 + 64) * 3) + 2 * LINEAR
HYBRID = (512 + 1) * (2 * 8 * 4 * 3) + 2 * LINEAR


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("tpvformer-hybrid", HYBRID),
        ("tpvformer-image", IMAGE),
        ("tpvformer-layer", HYBRID + IMAGE + (256 + 1) * 512 + (512 + 1) * 256 + 3 * 2 * 256),
        ("tpvformer-aggregator", (256 + 1) * 512 + (512 + 1) * 256 + (256 + 1) * 18),
    ],
)
def test_parameters_of_the_published_layers(name, count):
    row = catalogue.find(name)
    assert parameter_count(lambda: layers.create(row, dtype=np.float32)) == count
