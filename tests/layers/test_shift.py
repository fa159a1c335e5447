"""Temporal shift against a loop over frames, and what it may see."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import batch_norm, convolve, parameter_count, relu, wide_statistics
from reelbench.catalogue import find
from reelbench.layers.shift import ShiftBottleneck, TemporalShift


def shifted(x, divisor):
    """Each frame takes its first channels from the next and the following from the last."""
    fold, out = x.shape[-1] // divisor, np.zeros_like(x)
    for t in range(x.shape[1]):
        if t + 1 < x.shape[1]:
            out[:, t, ..., :fold] = x[:, t + 1, ..., :fold]
        if t > 0:
            out[:, t, ..., fold : 2 * fold] = x[:, t - 1, ..., fold : 2 * fold]
        out[:, t, ..., 2 * fold :] = x[:, t, ..., 2 * fold :]
    return out


@pytest.mark.parametrize(("shape", "divisor"), [((2, 4, 1, 2, 17), 8), ((1, 1, 2, 1, 6), 3)])
def test_shift_agrees_with_a_loop_over_frames(shape, divisor):
    make = functools.partial(TemporalShift, fold_divisor=divisor)
    assert_agrees(make, lambda _, x: shifted(x, divisor), normal(0, *shape))


@pytest.mark.parametrize(
    ("features", "strides", "train"), [((8, 3, 8), (1, 1), True), ((8, 2, 5), (2, 2), False)]
)
def test_bottleneck_agrees_with_one_on_each_shifted_frame(features, strides, train):
    def by_frame(p, x, strides=(1, 1)):
        frames = convolve(x.reshape(-1, *x.shape[2:]), p["conv"]["kernel"], strides)
        return batch_norm(frames.reshape(*x.shape[:2], *frames.shape[1:]), p["norm"], train)

    def oracle(p, x):
        y = relu(by_frame(p["branch"][0], shifted(x, 4)))
        y = relu(by_frame(p["branch"][1], y, strides))
        y = by_frame(p["branch"][2], y)
        return relu(y + (by_frame(p["shortcut"], x, strides) if "shortcut" in p else x))

    make = functools.partial(ShiftBottleneck, *features, strides=strides, fold_divisor=4)
    assert_agrees(wide_statistics(make), oracle, normal(0, 2, 3, 4, 5, 8), train=train)


def test_a_block_sees_one_frame_to_each_side():
    block = ShiftBottleneck(16, 4, 16, rngs=nnx.Rngs(0))
    block.eval()
    x = jnp.asarray(normal(0, 1, 7, 2, 2, 16), jnp.float32)
    out, changed = block(x), block(x.at[:, 3].add(1.0))
    moved = jnp.any(out != changed, axis=(0, 2, 3, 4))
    assert moved.tolist() == [False, False, True, True, True, False, False]


def test_the_shift_is_a_permutation_but_for_the_ends_of_the_clip():
    x = jnp.asarray(normal(0, 1, 4, 1, 1, 8), jnp.float32)
    out, back = jax.vjp(TemporalShift(fold_divisor=4, rngs=nnx.Rngs(0)), x)
    kept = np.ones(x.shape, bool)
    kept[:, 0, ..., :2] = kept[:, -1, ..., 2:4] = False
    assert sorted(np.asarray(out)[np.asarray(out) != 0]) == sorted(np.asarray(x)[kept])
    np.testing.assert_array_equal(back(out)[0], np.where(kept, x, 0))


def test_a_block_has_the_parameters_of_a_2d_bottleneck_and_the_shift_none():
    options = find("tsm-res4").options
    expected = 2 * 1024 * 256 + 9 * 256 * 256 + 2 * (2 * 256 + 1024)
    got = parameter_count(lambda: ShiftBottleneck(**options, rngs=nnx.Rngs(0)))
    assert got == expected == 1_117_184
    assert parameter_count(lambda: TemporalShift(rngs=nnx.Rngs(0))) == 0
