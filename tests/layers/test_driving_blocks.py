"""Temporal self-attention, the layers of BEVFormer and its tables, against loops over queries."""

import functools
import math

import jax
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal, parameters_of
from layers.numpy_driving import (
    attend_slot,
    deformable,
    feed_forward,
    layer_norm,
    linear,
    mean_over_cameras,
    self_attention,
)
from reelbench import catalogue, layers
from reelbench.layers import randomise_constants
from reelbench.layers.driving import (
    BEVFormerLayer,
    BEVFormerQueries,
    CameraEmbedding,
    DetectionBranches,
    DetectionDecoderLayer,
    TemporalSelfAttention,
)

WIDTH, HEADS, POINTS = 4, 2, 3
SIZE = (2, 3)
CELLS, OBJECTS = SIZE[0] * SIZE[1], 3
LEVELS = ((3, 4), (2, 2))
EPSILON = 1e-5


def temporal_self_attention(p, query, maps, position, shift=((0, 0), (0, 0))) -> np.ndarray:
    out = np.empty_like(query)
    height, width = SIZE
    for clip, cell in np.ndindex(*query.shape[:2]):
        row, column = divmod(cell, width)
        centre = np.array([(column + 0.5) / width, (row + 0.5) / height])
        both = np.concatenate([maps[clip, 0, cell], query[clip, cell] + position[cell]])
        offsets = linear(p["sampling_offsets"], both).reshape(HEADS, 2, 1, -1, 2)
        logits = linear(p["attention_weights"], both).reshape(HEADS, 2, -1)
        found = []
        for turn in (0, 1):
            at = centre + shift[clip] if turn == 0 else centre
            tokens = linear(p["value_projection"], maps[clip, turn])
            found.append(
                deformable(tokens, (SIZE,), lambda _, at=at: at, offsets[:, turn], logits[:, turn])
            )
        out[clip, cell] = query[clip, cell] + linear(p["out"], sum(found) / 2)
    return out


def decoder_layer(p, query, value, position, points) -> np.ndarray:
    out = np.empty_like(query)
    for clip in range(len(query)):
        x = layer_norm(p["self_norm"], self_attention(p, query[clip], position, HEADS), EPSILON)
        found = [
            attend_slot(p["cross"], x[i] + position[i], value[clip], (SIZE,),
                        lambda _, at=points[clip, i]: at, HEADS)
            for i in range(len(x))
        ]  # fmt: skip
        x = layer_norm(p["cross_norm"], x + linear(p["cross"]["out"], np.array(found)), EPSILON)
        out[clip] = layer_norm(p["mlp_norm"], feed_forward(p["mlp"], x), EPSILON)
    return out


def encoder_layer(p, query, maps, position, shift, value, points, index) -> np.ndarray:
    x = temporal_self_attention(p["temporal"], query, maps, position, shift)
    x = layer_norm(p["temporal_norm"], x, EPSILON)
    heights = points.shape[-2]
    means = [
        mean_over_cameras(p["spatial"], *clip[:2], LEVELS, *clip[2:], HEADS,
                          lambda seen, point: seen[point % heights])
        for clip in zip(x, value, points, index, strict=True)
    ]  # fmt: skip
    x = layer_norm(p["spatial_norm"], x + linear(p["spatial"]["out"], np.array(means)), EPSILON)
    return layer_norm(p["mlp_norm"], feed_forward(p["mlp"], x), EPSILON)


def shares(seed: int, *shape: int) -> np.ndarray:
    """Multiples of 1/64 in [0, 1): exact in every dtype."""
    return np.random.default_rng(seed).integers(0, 64, shape) / 64


def of_the_map() -> tuple[np.ndarray, ...]:
    return normal(0, 2, CELLS, WIDTH), normal(1, 2, 2, CELLS, WIDTH), normal(2, CELLS, WIDTH)


temporal = functools.partial(TemporalSelfAttention, WIDTH, HEADS, POINTS, SIZE)


def test_temporal_self_attention_agrees_with_a_loop_over_cells():
    assert_agrees(temporal, temporal_self_attention, *of_the_map(), shares(3, 2, 2) - 0.5)


def test_a_map_that_moved_by_one_cell_is_sampled_one_cell_on():
    module = temporal(rngs=nnx.Rngs(0))
    # Each cell looks at itself only.
    module.sampling_offsets.bias[...] *= 0
    query, maps, position = of_the_map()
    plane = maps.reshape(2, 2, *SIZE, WIDTH)
    moved = plane.copy()
    moved[:, 0] = np.roll(plane[:, 0], 1, axis=2)
    call = nnx.jit(module)

    def update(plane, columns):
        shift = np.tile([columns / SIZE[1], 0.0], (2, 1))
        out = call(query, plane.reshape(maps.shape), position, shift)
        return np.asarray(out).reshape(2, *SIZE, WIDTH)

    inner = np.s_[:, :, : SIZE[1] - 1]  # the last column leaves the map
    np.testing.assert_allclose(update(moved, 1)[inner], update(plane, 0)[inner], atol=1e-5)
    assert np.abs(update(moved, 0)[inner] - update(plane, 0)[inner]).max() > 1e-3


def test_encoder_layer_is_its_parts_in_a_row():
    make = functools.partial(
        BEVFormerLayer, WIDTH, HEADS, temporal_points=2, spatial_points=4, map_size=SIZE,
        levels=LEVELS, mlp_dim=5,
    )  # fmt: skip
    tokens = sum(height * width for height, width in LEVELS)
    inputs = (
        *of_the_map(), shares(3, 2, 2) - 0.5, normal(4, 2, 2, tokens, WIDTH),
        shares(5, 2, 2, 3, 2, 2), np.array([[[0, 2, CELLS], [2, 5, 1]], [[3, 3, 4], [0, 1, 2]]]),
    )  # fmt: skip
    # The gradients are those of the parts, which have their own tests.
    with jax.enable_x64(True):
        module = make(dtype=np.float64, param_dtype=np.float64, rngs=nnx.Rngs(0))
        randomise_constants(module, seed=1)
        expected = encoder_layer(parameters_of(module), *inputs)
        np.testing.assert_allclose(nnx.jit(module)(*inputs), expected, rtol=1e-9)


def test_decoder_layer_agrees_with_a_loop_over_objects():
    make = functools.partial(
        DetectionDecoderLayer, WIDTH, HEADS, num_points=POINTS, map_size=SIZE, mlp_dim=5
    )
    assert_agrees(
        make, decoder_layer, normal(0, 2, OBJECTS, WIDTH), normal(1, 2, CELLS, WIDTH),
        normal(2, OBJECTS, WIDTH), shares(3, 2, OBJECTS, 2),
    )  # fmt: skip


class Flat(nnx.Module):
    """A layer with several outputs, as one vector."""

    def __init__(self, make, **rest):
        self.inner = make(**rest)

    def __call__(self, *inputs):
        return jax.numpy.concatenate([out.ravel() for out in self.inner(*inputs)])


def test_queries_and_branches_agree_with_the_formulas():
    def queries(p, motion):
        p = p["inner"]
        moved = np.maximum(linear(p["motion1"], motion), 0)
        moved = np.maximum(linear(p["motion2"], moved), 0)
        cells = p["cells"] + layer_norm(p["motion_norm"], moved, EPSILON)[:, None]
        position = [
            np.concatenate([p["cell_position"]["columns"][x], p["cell_position"]["rows"][y]])
            for y in range(SIZE[0])
            for x in range(SIZE[1])
        ]
        place = 1 / (1 + np.exp(-linear(p["place"], p["object_position"])))
        outputs = (cells, np.array(position), p["objects"], p["object_position"], place)
        return np.concatenate([x.ravel() for x in outputs])

    make = functools.partial(BEVFormerQueries, WIDTH, map_size=SIZE, num_queries=OBJECTS, signals=5)
    assert_agrees(functools.partial(Flat, make), queries, normal(0, 2, 5))

    def branches(p, x):
        p, kind = p["inner"], x
        for i in ("1", "2"):
            kind = linear(p["class" + i], kind)
            kind = np.maximum(layer_norm(p["class_norm" + i], kind, EPSILON), 0)
        box = np.maximum(linear(p["box2"], np.maximum(linear(p["box1"], x), 0)), 0)
        outputs = linear(p["class3"], kind), linear(p["box3"], box)
        return np.concatenate([y.ravel() for y in outputs])

    make = functools.partial(DetectionBranches, WIDTH, num_classes=2, code_size=5)
    assert_agrees(functools.partial(Flat, make), branches, normal(0, 2, OBJECTS, WIDTH))


def test_camera_embedding_agrees_with_a_loop_over_tokens():
    def oracle(p, x):
        level_of = [level for level, (h, w) in enumerate(LEVELS) for _ in range(h * w)]
        out = x.copy()
        for camera, token in np.ndindex(*x.shape[1:3]):
            out[:, camera, token] += p["cameras"][camera] + p["levels"][level_of[token]]
        return out

    make = functools.partial(CameraEmbedding, WIDTH, cameras=2, levels=LEVELS, rows=3)
    assert_agrees(make, oracle, normal(0, 1, 2, 16, WIDTH))


LINEAR = 256 * 256 + 256


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("bevformer-base-temporal", (512 + 1) * (128 + 64) + 2 * LINEAR),
        ("bevformer-base-layer", (512 + 1) * (128 + 64) + 2 * LINEAR  # temporal
         + (256 + 1) * (512 + 256) + 2 * LINEAR  # spatial
         + (256 + 1) * 512 + (512 + 1) * 256 + 3 * 2 * 256),
        ("bevformer-base-decoder", 4 * LINEAR + (256 + 1) * (64 + 32) + 2 * LINEAR
         + (256 + 1) * 512 + (512 + 1) * 256 + 3 * 2 * 256),
    ],
)  # fmt: skip
def test_parameters_of_the_published_layers(name, count):
    row = catalogue.find(name)
    module = nnx.eval_shape(lambda: layers.create(row, dtype=np.float32))
    leaves = jax.tree.leaves(nnx.state(module, nnx.Param))
    assert sum(math.prod(leaf.shape) for leaf in leaves) == count
