"""The driving stack's layers against loops over pixels, cells and entries; the queue's rules."""

import functools
from collections import deque

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_attention import attend, layer_norm, linear, mlp, parameter_count, self_attention
from layers.numpy_convolutional import batch_norm, convolve, relu, wide_statistics
from layers.numpy_images import conv2d, conv_norm, corners_kept, flat, flattened, hat_sample
from reelbench.layers.hydranet import (
    CameraTokens,
    DetectionHead,
    FeatureQueue,
    MultiCameraAttention,
    OccupancyHead,
    RasterQueries,
    Rectify,
    VideoConvolution,
    VideoStem,
    VideoTransformer,
)
from reelbench.layers.hydranet_cameras import raster_positions


def positions(rows, columns, features):
    """Sines and cosines from half a wave over the image to half a wave over two pixels."""
    out, count = np.zeros((rows, columns, features)), features // 4
    for i, j, k in np.ndindex(rows, columns, count):
        frequency = np.pi * (max(rows, columns) / 2) ** (k / max(count - 1, 1))
        y, x = (i + 0.5) / rows * frequency, (j + 0.5) / columns * frequency
        out[i, j, k::count] = np.sin(y), np.cos(y), np.sin(x), np.cos(x)
    return out


def test_rectifying_agrees_with_a_sum_over_all_pixels():
    def oracle(p, images, where):
        out = np.zeros((*images.shape[:3], *where.shape[2:4], images.shape[-1]))
        for b, t, c, i, j in np.ndindex(*out.shape[:5]):
            x, y = where[b, c, i, j] * (images.shape[4], images.shape[3]) - 0.5
            out[b, t, c, i, j] = hat_sample(images[b, t, c], x, y)
        return out

    # Odd multiples of 1/64 are exact in every dtype, as a rounded position would be another
    # function, and never at the centre of a pixel, where interpolation has no derivative.
    where = (2 * np.random.default_rng(0).integers(-2, 34, (2, 2, 2, 3, 2)) + 1) / 64
    assert_agrees(Rectify, oracle, normal(1, 2, 2, 2, 4, 3, 2), where)


def test_a_map_of_the_pixels_own_places_changes_nothing():
    images = normal(0, 1, 2, 1, 3, 4, 2).astype(np.float32)
    y, x = np.meshgrid((np.arange(3) + 0.5) / 3, (np.arange(4) + 0.5) / 4, indexing="ij")
    where = np.stack((x, y), -1).astype(np.float32)[None, None]
    np.testing.assert_allclose(Rectify()(images, where), images, atol=1e-5)


def test_tokens_know_their_place_camera_and_level():
    def oracle(p, *levels):
        found = []
        for level, x in enumerate(levels):
            y = linear(p["linear"], x) + positions(*x.shape[3:5], 8)
            y = y + p["place"][level][:, None, None]
            found.append(y.reshape(*x.shape[:2], -1, 8))
        return np.concatenate(found, 2)

    make = functools.partial(CameraTokens, 3, 8, 2, 2)
    assert_agrees(make, oracle, normal(0, 2, 1, 2, 2, 3, 3), normal(1, 2, 1, 2, 1, 2, 3))


def test_queries_are_an_mlp_of_position_and_summary():
    def oracle(p, summary):
        out = np.zeros((*summary.shape[:2], 6, 4))
        where = positions(2, 3, 4).reshape(6, 4)
        for b, t, n in np.ndindex(*out.shape[:3]):
            out[b, t, n] = mlp(p["mlp"], np.concatenate((where[n], summary[b, t])))
        return out

    assert_agrees(functools.partial(RasterQueries, 3, 4, (2, 3)), oracle, normal(0, 2, 2, 3))


def test_no_two_cells_of_a_raster_have_the_same_position():
    where = np.asarray(raster_positions(5, 7, 16, jnp.float32)).reshape(35, 16)
    distance = np.abs(where[:, None] - where[None]).max(-1) + np.eye(35)
    assert distance.min() > 0.1


def ask(p, query, tokens):
    out = np.zeros_like(query)
    for at in np.ndindex(*query.shape[:2]):
        asked = linear(p["query"], layer_norm(p["query_norm"], query[at], 1e-5))
        both = linear(p["key_value"], layer_norm(p["token_norm"], tokens[at], 1e-5))
        key, value = np.split(both, 2, axis=-1)
        heads = [attend(asked[:, s], key[:, s], value[:, s]) for s in (slice(0, 3), slice(3, 6))]
        x = query[at] + linear(p["proj"], np.concatenate(heads, 1))
        out[at] = x + mlp(p["mlp"], layer_norm(p["mlp_norm"], x, 1e-5))
    return out


def test_cells_attend_to_the_tokens_of_their_own_frame():
    make = functools.partial(MultiCameraAttention, 6, 2, 5)
    assert_agrees(make, ask, normal(0, 2, 2, 3, 6), normal(1, 2, 2, 4, 6))


def test_the_order_of_the_tokens_does_not_matter():
    module = nnx.jit(MultiCameraAttention(6, 2, 5, rngs=nnx.Rngs(0)))
    query, tokens = normal(0, 1, 1, 3, 6), normal(1, 1, 1, 4, 6)
    query, tokens = query.astype(np.float32), tokens.astype(np.float32)
    np.testing.assert_allclose(module(query, tokens[:, :, ::-1]), module(query, tokens), atol=1e-5)


def drive(frames: int):
    """Rasters, motions, and seconds and metres between frames: a stop in the middle."""
    rng = np.random.default_rng(5)
    moved = np.stack((rng.uniform(0.01, 0.04, (2, frames)), rng.uniform(0, 0.9, (2, frames))), -1)
    moved[:, frames // 3 : frames // 2, 1] = 0
    return [
        each.astype(np.float32)
        for each in (normal(0, 2, frames, 2, 3, 4), normal(1, 2, frames, 5), moved)
    ]


def test_the_queue_holds_the_last_frames_that_were_due():
    features, motion, moved = drive(20)
    queue = nnx.jit(FeatureQueue(8, period_s=0.05, distance_m=1.0))
    entries = {"time": 3, "space": 2}
    shape = (2, 3, 4 + 8 + 5)
    state = [jnp.zeros((2, entries[name], *shape)) for name in ("time", "space")]
    state.append(jnp.full((2, 2), jnp.inf))
    held = [[deque([np.zeros(shape)] * n, maxlen=n) for n in entries.values()] for _ in range(2)]
    since, pushes = np.full((2, 2), np.inf), np.zeros((2, 2), int)
    for frame in range(20):
        state = queue(*state, features[:, frame], motion[:, frame], moved[:, frame])
        for clip, rule in np.ndindex(2, 2):
            since[clip, rule] += moved[clip, frame, rule]
            if since[clip, rule] >= (0.05, 1.0)[rule]:
                told = np.broadcast_to(motion[clip, frame], (2, 3, 5))
                entry = (features[clip, frame], positions(2, 3, 8), told)
                held[clip][rule].append(np.concatenate(entry, -1))
                since[clip, rule], pushes[clip, rule] = 0, pushes[clip, rule] + 1
            np.testing.assert_allclose(state[rule][clip], np.array(held[clip][rule]), atol=1e-5)
    assert pushes.min() > max(entries.values())
    assert pushes.max() < 20


def test_a_vehicle_that_waits_forgets_in_time_but_not_in_space():
    queue = nnx.jit(FeatureQueue(4))
    first, later = (np.full((1, 1, 1, 1), value, np.float32) for value in (1, 2))
    motion, wait = np.zeros((1, 1), np.float32), np.array([[0.03, 0.0]], np.float32)
    state = (jnp.zeros((1, 2, 1, 1, 6)), jnp.zeros((1, 2, 1, 1, 6)), jnp.full((1, 2), jnp.inf))
    state = queue(*state, first, motion, wait)
    for _ in range(3):
        state = queue(*state, later, motion, wait)
    np.testing.assert_array_equal(state[0][0, :, 0, 0, 0], [2, 2])
    np.testing.assert_array_equal(state[1][0, :, 0, 0, 0], [0, 1])


def test_the_video_stem_tells_entries_apart():
    def oracle(p, queue):
        return linear(p["linear"], queue) + p["place"][:, None, None]

    assert_agrees(functools.partial(VideoStem, 3, 4, 2), oracle, normal(0, 2, 2, 1, 2, 3))


def convolution(p, x, *, train=False):
    def causal(kernel, y):
        return convolve(y, kernel, padding=[(2, 0), (1, 1), (1, 1)])

    y = relu(batch_norm(causal(p["conv1"]["kernel"], x), p["norm1"], train))
    return relu(x + batch_norm(causal(p["conv2"]["kernel"], y), p["norm2"], train))


def test_video_convolution_agrees_with_a_sum_over_taps():
    make = wide_statistics(functools.partial(VideoConvolution, 3))
    oracle = functools.partial(convolution, train=True)
    assert_agrees(make, oracle, normal(0, 2, 3, 2, 3, 3), train=True)


def transformer(p, x):
    out = np.zeros_like(x)
    future = np.triu(np.full((x.shape[1], x.shape[1]), -np.inf), 1)
    for b, i, j in np.ndindex(x.shape[0], *x.shape[2:4]):
        cell = x[b, :, i, j]
        seen = layer_norm(p["attention_norm"], cell, 1e-5)
        cell = cell + self_attention(p["attention"], seen, 2, [future, future])
        out[b, :, i, j] = cell + mlp(p["mlp"], layer_norm(p["mlp_norm"], cell, 1e-5))
    return out


def test_the_video_transformer_agrees_with_attention_cell_by_cell():
    make = functools.partial(VideoTransformer, 4, 2, 5)
    assert_agrees(make, transformer, normal(0, 2, 3, 2, 2, 4))


@pytest.mark.parametrize(
    "make",
    [functools.partial(VideoConvolution, 4), functools.partial(VideoTransformer, 4, 2, 5)],
    ids=["convolution", "transformer"],
)
def test_no_entry_sees_a_later_one(make):
    module = make(rngs=nnx.Rngs(0))
    module.eval()
    run = nnx.jit(module)
    x = normal(0, 1, 4, 3, 3, 4).astype(np.float32)
    moved = x.copy()
    moved[:, 2:] += 1 + moved[:, 2:] ** 2
    before, after = np.asarray(run(x)), np.asarray(run(moved))
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert (np.abs(before[:, 2:] - after[:, 2:]).max((2, 3, 4)) > 1e-3).all()


def test_the_occupancy_head_stacks_voxels_on_an_enlarged_raster():
    def oracle(p, x):
        y = conv_norm(p["conv1"], corners_kept(x, 2))
        y = conv_norm(p["conv2"], corners_kept(y, 2))
        y = conv2d(y, p["out"]["kernel"]) + p["out"]["bias"]
        return y.reshape(*y.shape[:3], 2, 3)

    make = wide_statistics(functools.partial(OccupancyHead, 4, 2, 3))
    assert_agrees(make, oracle, normal(0, 1, 2, 1, 4))


def test_the_detection_head_gives_classes_and_boxes():
    def oracle(p, x):
        p = p["layer"]
        found = [("classes", "class_conv"), ("boxes", "box_conv")]
        return flattened(
            conv2d(conv_norm(p[conv], x), p[out]["kernel"]) + p[out]["bias"] for out, conv in found
        )

    make = wide_statistics(flat(functools.partial(DetectionHead, 3, 2, 4)))
    assert_agrees(make, oracle, normal(0, 1, 3, 2, 3))


def test_parameters_of_the_rows():
    norms, mlp_size = 3 * 2 * 256, 256 * 1024 + 1024 + 1024 * 256 + 256
    assert parameter_count("hydranet-fusion") == norms + 4 * (256 * 256 + 256) + mlp_size
    assert parameter_count("hydranet-video-conv3d") == 2 * (27 * 256 * 256 + 2 * 256)
    assert parameter_count("hydranet-video-transformer") == (
        2 * 2 * 256 + 4 * (256 * 256 + 256) + mlp_size
    )
    assert parameter_count("hydranet-queue") == 0
