"""Attention in plain NumPy, one head and one sequence at a time; the oracles' common words."""

import math

import jax
import numpy as np
from flax import nnx
from scipy.special import erf

from reelbench.catalogue import find
from reelbench.layers import create


def linear(p, x):
    return x @ p["kernel"] + p.get("bias", 0.0)


def layer_norm(p, x, epsilon):
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return centred / deviation * p["scale"] + p["bias"]


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def mlp(p, x, activation=gelu):
    return linear(p["fc2"], activation(linear(p["fc1"], x)))


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def attend(query, key, value, extra=0.0, scale=None):
    """One head: `extra` is added to the logits, minus infinity where nothing is seen."""
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return softmax(query @ key.T * scale + extra) @ value


def project(p, x, heads, bias=None):
    """Queries, keys and values of one sequence, each heads × tokens × head size."""
    qkv = x @ p["qkv"]["kernel"] + (p["qkv"].get("bias", 0.0) if bias is None else bias)
    third = qkv.shape[-1] // 3
    return [
        np.stack(np.split(qkv[:, i * third : (i + 1) * third], heads, axis=1)) for i in range(3)
    ]


def self_attention(p, x, heads, extra=None, scale=None):
    """Multi-head self-attention of one sequence, tokens × channels."""
    query, key, value = project(p, x, heads)
    found = [
        attend(query[h], key[h], value[h], 0.0 if extra is None else extra[h], scale)
        for h in range(heads)
    ]
    return linear(p["proj"], np.concatenate(found, axis=1))


def count_parameters(make) -> int:
    """Parameters of the layer that ``make(rngs=…)`` builds, without allocating them."""
    layer = nnx.eval_shape(lambda: make(rngs=nnx.Rngs(0)))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(layer, nnx.Param)))


def parameter_count(preset_name: str) -> int:
    """Parameters of a catalogue row's layer."""
    return count_parameters(lambda rngs: create(find(preset_name), dtype=np.float32))
