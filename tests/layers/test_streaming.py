"""MoViNet blocks against sums over taps and frames; the future, and chunks of a stream."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import (
    convolve,
    parameter_count,
    sigmoid,
    silu,
    wide_statistics,
)
from reelbench.catalogue import find
from reelbench.layers import create, randomise_constants
from reelbench.layers.streaming import (
    MovinetBlock,
    MovinetHead,
    MovinetStem,
    MovinetStreamBlock,
    MovinetStreamChunk,
)


def hard_sigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def hard_swish(x):
    return x * hard_sigmoid(x)


def nothing(x):
    return x


def same(length, kernel, stride):
    """TensorFlow's padding of one axis that gives ceil(length / stride) outputs."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def conv_norm(p, x, activation, strides=(1, 1, 1), depthwise=False, padding=None):
    """Convolution and normalisation by the stored statistics."""
    kernel = p["conv"]["kernel"]
    lengths = zip(x.shape[1:4], kernel.shape[:3], strides, strict=True)
    padding = padding or [same(*each) for each in lengths]
    if depthwise:
        y = np.concatenate(
            [
                convolve(x[..., c : c + 1], kernel[..., c : c + 1], strides, padding)
                for c in range(x.shape[-1])
            ],
            axis=-1,
        )
    else:
        y = convolve(x, kernel, strides, padding)
    norm = p["norm"]
    unit = (y - norm["mean"]) / np.sqrt(norm["var"] + 1e-3)
    return activation(unit * norm["scale"] + norm["bias"])


def shortcut(p, x, strides):
    if "shortcut" not in p:
        return x
    if strides[1] > 1:
        sizes = [-(-length // 2) for length in x.shape[2:4]]
        before = [same(length, 3, 2)[0] for length in x.shape[2:4]]
        means = np.empty((*x.shape[:2], *sizes, x.shape[-1]))
        for at in np.ndindex(*sizes):
            starts = [2 * i - first for i, first in zip(at, before, strict=True)]
            rows, columns = (slice(max(start, 0), start + 3) for start in starts)
            means[:, :, at[0], at[1]] = x[:, :, rows, columns].mean(axis=(2, 3))
        x = means
    return conv_norm(p["shortcut"]["project"], x, nothing)


def gates(p, squeezed, activation, gate):
    inner = activation(squeezed @ p["reduce"]["kernel"] + p["reduce"]["bias"])
    return gate(inner @ p["expand"]["kernel"] + p["expand"]["bias"])


def base_block(p, x, strides):
    """A base block: one convolution over space and time, gates from the whole clip."""
    y = conv_norm(p["widen"], x, silu)
    y = conv_norm(p["depthwise"], y, silu, strides, depthwise=True)
    y = y * gates(p["squeeze_excitation"], y.mean(axis=(1, 2, 3), keepdims=True), silu, sigmoid)
    return conv_norm(p["narrow"], y, nothing) * p["scale"] + shortcut(p, x, strides)


def stream_block(p, x, strides):
    """A streaming block: over space, over past frames, gates from the frames so far."""
    y = conv_norm(p["widen"], x, hard_swish)
    y = conv_norm(p["spatial"], y, hard_swish, strides, depthwise=True)
    if "temporal" in p:
        past = len(p["temporal"]["conv"]["kernel"]) - 1
        causal = [(past, 0), (0, 0), (0, 0)]
        y = conv_norm(p["temporal"], y, hard_swish, depthwise=True, padding=causal)
    gated = np.empty_like(y)
    for frame in range(y.shape[1]):
        now = y[:, frame].mean(axis=(1, 2))
        so_far = y[:, : frame + 1].mean(axis=(1, 2, 3))
        squeezed = np.concatenate((so_far, now), axis=-1)
        gate = gates(p["squeeze_excitation"], squeezed, hard_swish, hard_sigmoid)
        gated[:, frame] = y[:, frame] * gate[:, None, None]
    return conv_norm(p["narrow"], gated, nothing) * p["scale"] + shortcut(p, x, strides)


BLOCKS = [
    ((3, 4, 3), (5, 3, 3), (1, 1, 1)),
    ((3, 4, 5), (1, 5, 5), (1, 2, 2)),
]


@pytest.mark.parametrize(("features", "kernel_size", "strides"), BLOCKS)
@pytest.mark.parametrize(
    ("layer", "oracle"), [(MovinetBlock, base_block), (MovinetStreamBlock, stream_block)]
)
def test_blocks_agree_with_sums_over_taps(layer, oracle, features, kernel_size, strides):
    make = functools.partial(layer, *features, kernel_size=kernel_size, strides=strides)
    agree = functools.partial(oracle, strides=strides)
    assert_agrees(wide_statistics(make), agree, normal(0, 2, 3, 5, 4, features[0]))


@pytest.mark.parametrize("streams", [True, False])
def test_stem_and_head_agree_with_sums_over_taps(streams):
    activation = hard_swish if streams else silu

    def stem(p, x):
        return conv_norm(p["conv"], x, activation, (1, 2, 2))

    def head(p, x):
        mean = conv_norm(p["widen"], x, activation).mean(axis=(1, 2, 3))
        wide = silu(mean @ p["project"]["kernel"] + p["project"]["bias"])
        return wide @ p["classify"]["kernel"] + p["classify"]["bias"]

    x = normal(0, 1, 2, 5, 4, 3)
    make = functools.partial(MovinetStem, 3, 4, streams=streams)
    assert_agrees(wide_statistics(make), stem, x)
    make = functools.partial(MovinetHead, 3, 4, 5, 6, streams=streams)
    assert_agrees(wide_statistics(make), head, x)


def evaluated(make, param_dtype=jnp.float64):
    """A layer in evaluation mode with no constant among its variables."""
    layer = make(param_dtype=param_dtype, rngs=nnx.Rngs(0))
    randomise_constants(layer, seed=1)
    layer.eval()
    return layer


def test_no_output_of_a_streaming_block_sees_a_later_frame():
    block = evaluated(functools.partial(MovinetStreamBlock, 3, 4, 5), jnp.float32)
    x = normal(0, 1, 5, 4, 3, 3).astype(np.float32)
    changed = x.copy()
    changed[:, 3:] += 1
    run = jax.jit(lambda x: block(x))
    before, after = np.asarray(run(x)), np.asarray(run(changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any(axis=(0, 2, 3, 4)).all()


@pytest.mark.parametrize("time", [1, 3])
def test_chunks_of_a_stream_equal_the_whole_clip(time):
    with jax.enable_x64(True):
        make = wide_statistics(
            functools.partial(
                MovinetStreamBlock, 3, 4, 5, kernel_size=(time, 3, 3), strides=(1, 2, 2)
            )
        )
        block = evaluated(make)
        x = jnp.asarray(normal(0, 2, 6, 5, 4, 3))
        state, chunks = None, []
        # A chunk shorter than the buffer keeps frames of the chunk before it.
        for start, stop in ((0, 1), (1, 4), (4, 6)):
            chunk, state = block.stream(x[:, start:stop], state)
            chunks.append(chunk)
        np.testing.assert_allclose(jnp.concatenate(chunks, axis=1), block(x), rtol=1e-12)
        assert (state.average.frames == 6).all()


def test_a_chunk_takes_and_gives_its_state():
    with jax.enable_x64(True):
        chunk = evaluated(wide_statistics(functools.partial(MovinetStreamChunk, 3, 4, 3)))
        x = jnp.asarray(normal(0, 2, 5, 2, 2, 3))
        first, past, total = chunk(
            x[:, :3], jnp.zeros((2, 2, 2, 2, 4)), jnp.zeros((2, 4)), jnp.zeros(2, jnp.int32)
        )
        second, *_ = chunk(x[:, 3:], past, total, jnp.full(2, 3, jnp.int32))
        whole, _ = chunk.stream(x)
        np.testing.assert_allclose(jnp.concatenate((first, second), axis=1), whole, rtol=1e-12)


def test_the_head_of_a_stream_averages_over_all_frames_so_far():
    with jax.enable_x64(True):
        head = evaluated(wide_statistics(functools.partial(MovinetHead, 3, 4, 5, 6, streams=True)))
        x = jnp.asarray(normal(0, 2, 3, 2, 2, 3))
        _, average = head.stream(x[:, :2])
        scores, _ = head.stream(x[:, 2:], average)
        np.testing.assert_allclose(scores, head(x), rtol=1e-12)


def test_a_stream_cannot_stride_in_time():
    with pytest.raises(ValueError, match="cannot stride in time"):
        MovinetStreamBlock(3, 4, 3, strides=(2, 1, 1), rngs=nnx.Rngs(0))


def test_the_published_rows_have_their_parameters():
    convolutions = 72 * 240 + 240 * 72
    norms = 2 * (240 + 240 + 72)
    excitation = 240 * 64 + 64 + 64 * 240 + 240  # 60 rounded to eights
    rezero = 1
    base = convolutions + 45 * 240 + norms + excitation + rezero
    row = find("movinet-a2-base-block")
    assert parameter_count(lambda: create(row, dtype=jnp.float32)) == base == 77_489
    wide = 480 * 120 + 120 + 120 * 240 + 240
    stream = convolutions + 9 * 240 + 5 * 240 + norms + 2 * 240 + wide + rezero
    for row in (find("movinet-a2-stream-block"), find("movinet-a2-stream-chunk")):
        make = functools.partial(create, row, dtype=jnp.float32)
        assert parameter_count(make) == stream == 126_265
