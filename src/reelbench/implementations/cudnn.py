"""Attention by cuDNN on NVIDIA's GPUs, which never writes the logits to memory.

XLA computes a plain attention as two products with a softmax between them, each through memory.
cuDNN's kernels keep a block's logits on the processor (Dao et al., "FlashAttention", 2022,
arXiv:2205.14135), in 16 bits only. JAX offers them as ``implementation="cudnn"`` of
`jax.nn.dot_product_attention`.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from reelbench.implementations.operation import Attention, Function, Operation
from reelbench.implementations.registry import GPU, Implementation, alone, register

_DTYPES = ("bfloat16", "float16")
# Channels of a head: a multiple of eight, and so many at most on any GPU.
_CHANNELS, _MOST_CHANNELS = 8, 256


def attend(operation: Operation, _: Any) -> Function:
    """Attention of queries, keys and values, each ``batch n heads head_dim``.

    In training cuDNN refuses odd numbers of queries or keys: one is added, which nothing sees.

    Args:
        operation: Its sizes and details; see `reelbench.implementations.operation.Attention`.
    """
    details: Attention = operation.details

    def run(query: jax.Array, key: jax.Array, value: jax.Array, *more: jax.Array) -> jax.Array:
        batch, asked, seen = query.shape[0], query.shape[1], key.shape[1]
        planes = [_even(_even(x, 2, asked), 3, seen) for x in more]
        lengths = None
        if asked % 2 or seen % 2:
            lengths = [jnp.full((batch,), length, jnp.int32) for length in (asked, seen)]
        made: jax.Array = jax.nn.dot_product_attention(
            _even(query, 1, asked),
            _even(key, 1, seen),
            _even(value, 1, seen),
            planes[0] if details.has_bias else None,
            planes[-1] if details.has_mask else None,
            is_causal=details.is_causal,
            scale=details.scale,
            query_seq_lengths=lengths[0] if lengths else None,
            key_value_seq_lengths=lengths[1] if lengths else None,
            implementation="cudnn",
        )
        return made[:, :asked]

    return run


def _even(x: jax.Array, axis: int, length: int) -> jax.Array:
    """One more along an axis that has an odd length; a plane may have one row for all."""
    if length % 2 == 0 or x.shape[axis] != length:
        return x
    return jnp.pad(x, [(0, each == axis) for each in range(x.ndim)])


def _applies(operation: Operation) -> bool:
    channels = operation.shapes[0][-1]
    return channels % _CHANNELS == 0 and channels <= _MOST_CHANNELS


register(
    Implementation("cudnn", "attention", _applies, attend, alone, backends=(GPU,), dtypes=_DTYPES)
)
