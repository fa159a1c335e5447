"""Diffusion transformers in plain NumPy, a clip and a head at a time; the oracles' common words."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from layers.numpy_attention import attend, gelu, gelu_tanh, linear


class Joined(nnx.Module):
    """A layer whose outputs are laid end to end, as the comparison takes a single array."""

    def __init__(self, make, **kinds) -> None:
        self.layer = make(**kinds)

    def __call__(self, *inputs):
        outputs = self.layer(*inputs)
        return jnp.concatenate([y.ravel().astype(outputs[0].dtype) for y in outputs])


def joined(oracle):
    """The oracle of `Joined`: one that returns several arrays, laid end to end."""

    def flat(parameters, *inputs):
        return np.concatenate([y.ravel() for y in oracle(parameters["layer"], *inputs)])

    return flat


def clip_by_clip(oracle):
    """An oracle for a batch, from one for a clip."""

    def batch(parameters, *inputs):
        found = [oracle(parameters, *clip) for clip in zip(*inputs, strict=True)]
        if isinstance(found[0], tuple):
            return tuple(np.array(each) for each in zip(*found, strict=True))
        return np.array(found)

    return batch


def silu(x):
    return x / (1 + np.exp(-x))


def standardise(x, epsilon=1e-6):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)


def rms(x, epsilon=1e-6):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)


def feed_forward(p, x, activation=gelu_tanh):
    return linear(p["fc2"], activation(linear(p["fc1"], x)))


def exact_feed_forward(p, x):
    return feed_forward(p, x, gelu)


def sinusoid(step, width):
    turned = [step * 10_000 ** (-i / (width // 2)) for i in range(width // 2)]
    return np.concatenate([np.cos(turned), np.sin(turned)])


def time_embedding(p, step, width):
    return linear(p["contract"], silu(linear(p["expand"], sinusoid(step, width))))


def project(p, x, source, heads, norm):
    """Queries, keys and values, tokens × heads × features; queries and keys normalised by head."""

    def split(name, tokens):
        return linear(p[name], tokens).reshape(len(tokens), heads, -1)

    query = norm(p["query_norm"], split("query", x))
    return query, norm(p["key_norm"], split("key", source)), split("value", source)


def rms_scaled(epsilon):
    return lambda p, x: rms(x, epsilon) * p["scale"]


def mix(query, key, value):
    """Attention in every head, heads laid end to end."""
    found = [attend(query[:, h], key[:, h], value[:, h]) for h in range(query.shape[1])]
    return np.concatenate(found, axis=-1)


def turn(x, angles):
    """Neighbouring features as complex numbers, turned; angles are tokens × heads × pairs."""
    turned = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def turn_halves(x, angles):
    """The two halves of a head as the real and imaginary parts."""
    half = x.shape[-1] // 2
    turned = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)
    return np.concatenate([turned.real, turned.imag], axis=-1)


def lattice_angles(grid, pairs, theta):
    """Angles of whole-number positions, tokens × 1 × pairs, a token at a time."""
    thetas = theta if isinstance(theta, tuple) else (theta,) * 3
    return np.array(
        [
            [
                place * base ** (-i / count)
                for place, count, base in zip(position, pairs, thetas, strict=True)
                for i in range(count)
            ]
            for position in np.ndindex(*grid)
        ]
    )[:, None]
