"""What image networks are made of, in plain float64 NumPy; leading axes are looped over."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from layers.numpy_convolutional import convolve, relu, sigmoid, silu

ACTIVATIONS = {"relu": relu, "silu": silu, "none": lambda x: x}


class Flat(nnx.Module):
    """A layer of several outputs, which are strung together; its parameters stand under ``layer``.

    `assert_agrees` compares one array.
    """

    def __init__(self, make, **made):
        self.layer = make(**made)

    def __call__(self, *inputs):
        return jnp.concatenate([out.reshape(-1) for out in self.layer(*inputs)])


def flat(make):
    """A maker of the layer that `make` makes, with its outputs strung together."""
    return lambda **made: Flat(make, **made)


def flattened(outputs):
    return np.concatenate([np.ravel(out) for out in outputs])


def images(x):
    """The images of a clip in one row, whatever the axes before height, width and channels."""
    return x.reshape(-1, *x.shape[-3:])


def same(length: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's padding: as much as is needed, the odd pixel behind."""
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


def conv2d(x, kernel, stride=1, groups=1, padding="half"):
    """Convolve the images of ``x``, each group of channels by itself."""
    rows = images(x)
    height, width = kernel.shape[:2]
    pad = [(height // 2, height // 2), (width // 2, width // 2)]
    if padding == "SAME":
        pad = [same(rows.shape[1], height, stride), same(rows.shape[2], width, stride)]
    found = [
        convolve(part, weights, (stride, stride), pad)
        for part, weights in zip(
            np.split(rows, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True
        )
    ]
    out = np.concatenate(found, axis=-1)
    return out.reshape(*x.shape[:-3], *out.shape[1:])


def batch_norm(p, x, train=False, epsilon=1e-5):
    mean, variance = p["mean"], p["var"]
    if train:
        rows = x.reshape(-1, x.shape[-1])
        mean, variance = rows.mean(0), rows.var(0)
    return (x - mean) / np.sqrt(variance + epsilon) * p["scale"] + p["bias"]


def conv_norm(p, x, activation="relu", train=False, epsilon=1e-5, **shape):
    y = conv2d(x, p["conv"]["kernel"], **shape)
    return ACTIVATIONS[activation](batch_norm(p["norm"], y, train, epsilon))


def squeeze_excitation(p, x, activation="relu"):
    mean = x.mean((-3, -2), keepdims=True)
    hidden = ACTIVATIONS[activation](mean @ p["reduce"]["kernel"] + p["reduce"]["bias"])
    return x * sigmoid(hidden @ p["expand"]["kernel"] + p["expand"]["bias"])


def corners_kept(x, factor: int):
    """Enlarge images: each new pixel looks between the old ones, corner pixels staying corners."""
    height, width = x.shape[-3:-1]
    out = np.zeros((*x.shape[:-3], factor * height, factor * width, x.shape[-1]))
    for row, column in np.ndindex(factor * height, factor * width):
        y = row * (height - 1) / (factor * height - 1)
        z = column * (width - 1) / (factor * width - 1)
        down = np.maximum(0, 1 - abs(y - np.arange(height)))
        along = np.maximum(0, 1 - abs(z - np.arange(width)))
        out[..., row, column, :] = np.einsum("h,w,...hwc->...c", down, along, x)
    return out


def hat_sample(image, x: float, y: float):
    """Sum all pixels, each weighted by how near it is: one step away it counts nothing."""
    height, width, _ = image.shape
    along = np.maximum(0, 1 - abs(x - np.arange(width)))
    down = np.maximum(0, 1 - abs(y - np.arange(height)))
    return np.einsum("h,w,hwc->c", down, along, image)
