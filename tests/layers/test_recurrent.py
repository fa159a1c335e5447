"""ConvLSTM against a loop over time, and against the parameter counts of its paper."""

import functools

import numpy as np
import pytest
from flax import nnx

from layers.agreement import assert_agrees, normal
from layers.numpy_convolutional import convolve, parameter_count, sigmoid
from reelbench.catalogue import find
from reelbench.layers.recurrent import ConvLSTM


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
