"""What video autoencoders are made of, in plain float64 NumPy."""

import numpy as np

from layers.numpy_attention import attend
from layers.numpy_convolutional import convolve, silu

__all__ = [
    "attend",
    "causal",
    "convolve",
    "frames",
    "group_norm",
    "linear",
    "nearest",
    "sees_no_later_frame",
    "silu",
]

MODES = {"zeros": "constant", "first": "edge", "nearest": "edge"}


def causal(p, x, border="zeros", strides=(1, 1, 1)):
    """A convolution whose kernel ends at the present frame; `p` holds a `conv`."""
    kernel = p["conv"]["kernel"]
    t, h, w = (length // 2 for length in kernel.shape[:3])
    x = np.pad(x, [(0, 0), (2 * t, 0), (0, 0), (0, 0), (0, 0)], mode=MODES[border])
    around = "edge" if border == "nearest" else "constant"
    x = np.pad(x, [(0, 0), (0, 0), (h, h), (w, w), (0, 0)], mode=around)
    return convolve(x, kernel, strides, [(0, 0)] * 3) + p["conv"]["bias"]


def frames(p, x, strides=(1, 1), padding=None):
    """A 2-D convolution of one frame after the other."""
    each = [convolve(x[:, t], p["kernel"], strides, padding) for t in range(x.shape[1])]
    return np.stack(each, axis=1) + p["bias"]


def linear(p, x):
    return x @ p["kernel"] + p["bias"]


def group_norm(p, x, groups, epsilon=1e-6):
    """Each group of channels of each clip has mean 0 and variance 1, then its own scale."""
    out = np.empty_like(x)
    size = x.shape[-1] // groups
    for clip in range(x.shape[0]):
        for group in range(groups):
            own = (clip, ..., slice(group * size, (group + 1) * size))
            out[own] = (x[own] - x[own].mean()) / np.sqrt(x[own].var() + epsilon)
    return out * p["scale"] + p["bias"]


def nearest(x, factors):
    """Every output position looks up the input position that it lies in."""
    for axis, factor in enumerate(factors, start=1):
        x = np.take(x, np.arange(x.shape[axis] * factor) // factor, axis=axis)
    return x


def sees_no_later_frame(apply, x, changed_from, unchanged_to):
    """Assert that outputs before a frame do not change with the inputs from a frame on.

    All later outputs do.
    """
    x = np.asarray(x, np.float32)
    changed = x.copy()
    changed[:, changed_from:] *= -1
    before, after = np.asarray(apply(x)), np.asarray(apply(changed))
    np.testing.assert_array_equal(before[:, :unchanged_to], after[:, :unchanged_to])
    assert (before[:, unchanged_to:] != after[:, unchanged_to:]).any(axis=(0, 2, 3, 4)).all()
