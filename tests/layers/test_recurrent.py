"""ConvLSTM against a loop over time, and against the parameter counts of its paper."""

import functools

import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import convolve, parameter_count, sigmoid
from reelbench.catalogue import find
from reelbench.layers.recurrent import ConvLSTM, SpatialRNN


def unrolled(p, x):
    """The recurrence of the paper, step by step and gate by gate."""
    over_input, over_state = p["input_conv"]["kernel"], p["state_conv"]["kernel"]
    bias, peephole = p["input_conv"]["bias"], p["peepholes"]
    hidden = cell = np.zeros((*x[:, 0].shape[:-1], over_state.shape[2]))
    outputs = []
    for frame in np.moveaxis(x, 1, 0):
        total = [
            convolve(frame, wx, (1, 1)) + convolve(hidden, wh, (1, 1)) + b
            for wx, wh, b in zip(
                *(np.split(array, 4, axis=-1) for array in (over_input, over_state, bias)),
                strict=True,
            )
        ]
        forgotten = sigmoid(total[1] + peephole[1] * cell) * cell
        cell = forgotten + sigmoid(total[0] + peephole[0] * cell) * np.tanh(total[2])
        hidden = sigmoid(total[3] + peephole[2] * cell) * np.tanh(cell)
        outputs.append(hidden)
    return np.stack(outputs, axis=1)


@pytest.mark.parametrize(
    ("input_kernel", "state_kernel", "shape"),
    [((3, 3), (5, 5), (4, 5, 4)), ((5, 1), (1, 3), (1, 3, 6))],
)
def test_agrees_with_a_loop_over_time(input_kernel, state_kernel, shape):
    make = functools.partial(
        ConvLSTM, 3, 4, input_kernel_size=input_kernel, state_kernel_size=state_kernel
    )
    assert_agrees(make, unrolled, normal(0, 2, *shape, 3))


def test_a_frame_changes_the_present_and_the_future_only():
    layer = ConvLSTM(2, 3, rngs=nnx.Rngs(0))
    x = normal(0, 1, 5, 4, 4, 2).astype(np.float32)
    changed = x.copy()
    changed[:, 2] += 1
    before, after = np.asarray(layer(x)), np.asarray(layer(changed))
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert (before[:, 2:] != after[:, 2:]).any(axis=(0, 2, 3, 4)).all()


def on_the_map(p, x, corner):
    """Clip by clip, frame by frame, on a map of 4×5."""
    width = p["candidate_conv"]["kernel"].shape[-1]
    over_input = np.split(p["input_conv"]["kernel"], 3, axis=-1)
    bias = np.split(p["input_conv"]["bias"], 3)
    over_gates = np.split(p["gate_conv"]["kernel"], 2, axis=-1)
    out = []
    for clip, corners in zip(x, corner, strict=True):
        states, reads = np.zeros((1, 4, 5, width)), []
        for frame, (i, j) in zip(clip, corners, strict=True):
            window = (slice(None), slice(i, i + frame.shape[0]), slice(j, j + frame.shape[1]))
            before = states[window]
            seen = [
                convolve(frame[None], w, (1, 1)) + b for w, b in zip(over_input, bias, strict=True)
            ]
            update, reset = (
                sigmoid(seen[gate] + convolve(before, over_gates[gate], (1, 1))) for gate in (0, 1)
            )
            over_candidate = convolve(reset * before, p["candidate_conv"]["kernel"], (1, 1))
            after = (1 - update) * before + update * np.tanh(seen[2] + over_candidate)
            states = states.copy()
            states[window] = after
            reads.append(after[0])
        out.append(np.stack(reads))
    return np.stack(out)


# The windows of the first clip overlap in part, those of the second lie apart and come back.
CORNERS = np.asarray([[[0, 0], [1, 1], [2, 1]], [[0, 0], [2, 2], [0, 0]]])


def test_spatial_rnn_agrees_with_a_loop_over_the_map():
    make = functools.partial(SpatialRNN, 2, 3, lattice=(4, 5))
    assert_agrees(make, on_the_map, normal(1, 2, 3, 2, 3, 2), CORNERS)


def test_a_map_handed_on_is_the_whole_drive_and_changes_in_the_window_only():
    layer = SpatialRNN(2, 3, lattice=(4, 5), rngs=nnx.Rngs(0))
    drive = nnx.jit(SpatialRNN.drive)
    x = normal(2, 2, 3, 2, 3, 2).astype(np.float32)
    unknown = np.zeros((2, 4, 5, 3), np.float32)
    whole, last = drive(layer, x, CORNERS, unknown)
    first, states = drive(layer, x[:, :1], CORNERS[:, :1], unknown)
    assert (np.asarray(states)[:, :2, :3] != 0).all()
    assert np.count_nonzero(states) == 2 * 2 * 3 * 3
    rest, states = drive(layer, x[:, 1:], CORNERS[:, 1:], states)
    np.testing.assert_allclose(np.concatenate([first, rest], 1), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(states, last, rtol=1e-5, atol=1e-6)


def test_the_spatial_rnn_has_three_convolutions():
    options = find("spatial-rnn").options
    total = parameter_count(lambda: SpatialRNN(**options, rngs=nnx.Rngs(0)))
    assert total == 9 * (300 * 768 + 256 * 512 + 256 * 256) + 768


def count(*features, **options):
    return parameter_count(lambda: ConvLSTM(*features, **options, rngs=nnx.Rngs(0)))


def test_the_first_layer_has_the_published_parameters():
    gates = 4 * 128
    convolutions = 25 * 16 * gates + 25 * 128 * gates
    peepholes = 3 * 128
    options = find("convlstm").options
    assert count(**options) == convolutions + gates + peepholes == 1_844_096


@pytest.mark.parametrize(
    ("hidden", "over_input", "over_state", "published"),
    [
        ((256,), 5, 5, 13_524_496),
        ((128, 128), 5, 5, 10_042_896),
        ((128, 64, 64), 5, 5, 7_585_296),
        ((128, 128), 9, 1, 11_550_224),
    ],
)
def test_the_networks_of_table_1_have_its_parameters(hidden, over_input, over_state, published):
    """An encoder, a forecaster of the same layers in reverse, and a 1×1 convolution of its states.

    The forecaster's first layer has no input. No other shape of the peepholes gives these counts.
    """

    def layer(inputs, features):
        return count(
            inputs,
            features,
            input_kernel_size=(over_input,) * 2,
            state_kernel_size=(over_state,) * 2,
        )

    encoder = sum(map(layer, (16, *hidden), hidden))
    backwards = hidden[::-1]
    without_input = layer(1, backwards[0]) - over_input**2 * 4 * backwards[0]
    forecaster = without_input + sum(map(layer, backwards, backwards[1:]))
    output = sum(hidden) * 16 + 16
    assert encoder + forecaster + output == published
