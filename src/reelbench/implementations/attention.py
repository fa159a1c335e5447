"""Attention a head and a block of queries at a time, forward and backward.

The logits of a clip's tokens with each other are far larger than the tokens: 118 MB for the 1568
tokens and 12 heads of VideoMAE. Written out whole they go through memory several times in either
pass. A block's logits stay in the cache, and the backward pass computes them again from the sums
that the forward pass kept (Dao et al., "FlashAttention", 2022, arXiv:2205.14135; here whole rows
of keys, as a cache holds more than a processor's shared memory).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.operation import Attention, Function, Operation
from reelbench.implementations.registry import Implementation, Limits, register

if TYPE_CHECKING:
    from jaxtyping import Array, Float

_MULTIPLES = (1, 2, 4)
_FEWEST_ROWS = 32


def attend(operation: Operation, rows: int) -> Function:
    """Attention in blocks of so many queries.

    Args:
        operation: Its sizes and details; see `reelbench.implementations.operation.Attention`.
        rows: Queries of a block.
    """
    details: Attention = operation.details

    def run(query: jax.Array, key: jax.Array, value: jax.Array, mask: Any = None) -> jax.Array:
        batch, _, heads, _ = query.shape
        flat = [_by_head(each) for each in (query, key, value)]
        masks = (
            None
            if mask is None
            else jnp.broadcast_to(mask, (*mask.shape[:2], query.shape[1], key.shape[1]))
        )
        found = _attend(*flat, masks, (batch, heads), details, rows)
        return found.reshape(batch, heads, *found.shape[1:]).transpose(0, 2, 1, 3)

    return run


def _by_head(x: Float[Array, "batch n heads d"]) -> Float[Array, "batch*heads n d"]:
    return x.transpose(0, 2, 1, 3).reshape(-1, x.shape[1], x.shape[3])


@partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def _attend(
    query: Float[Array, "each q d"],
    key: Float[Array, "each k d"],
    value: Float[Array, "each k d"],
    mask: Any,
    sizes: tuple[int, int],
    details: Attention,
    rows: int,
) -> Float[Array, "each q d"]:
    return _forward(query, key, value, mask, sizes, details, rows)[0]


def _forward(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: Any,
    sizes: tuple[int, int],
    details: Attention,
    rows: int,
) -> tuple[jax.Array, tuple[Any, ...]]:
    each, count, _ = query.shape
    number = -(-count // rows)
    blocked = _blocks(query, number, rows)

    def one(index: jax.Array) -> tuple[jax.Array, jax.Array]:
        head, block = index // number, index % number
        logits = _logits(blocked[head, block], key[head], mask, sizes, head, block, rows, details)
        most = jnp.max(logits, axis=-1, keepdims=True)
        weights = jnp.exp(logits - most)
        total = jnp.sum(weights, axis=-1, keepdims=True)
        found = _product(weights.astype(value.dtype), value[head]) / total
        return found.astype(query.dtype), (most + jnp.log(total))[:, 0]

    found, sums = lax.map(one, jnp.arange(each * number))
    found = found.reshape(each, number * rows, -1)[:, :count]
    sums = sums.reshape(each, number, rows)
    return found, (query, key, value, mask, found, sums)


def _backward(
    sizes: tuple[int, int],
    details: Attention,
    rows: int,
    kept: tuple[Any, ...],
    gradient: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array, None]:
    query, key, value, mask, found, sums = kept
    each, count, width = query.shape
    number = -(-count // rows)
    wide = sums.dtype
    queries, gradients = _blocks(query, number, rows), _blocks(gradient, number, rows)
    shared = jnp.sum(found.astype(wide) * gradient.astype(wide), axis=-1)
    shares = _blocks(shared[..., None], number, rows)

    def head(_: None, index: jax.Array) -> tuple[None, tuple[jax.Array, ...]]:
        own_key, own_value = key[index], value[index]

        def block(
            state: tuple[jax.Array, jax.Array], place: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            asked, given = queries[index, place], gradients[index, place]
            logits = _logits(asked, own_key, mask, sizes, index, place, rows, details)
            weights = jnp.exp(logits - sums[index, place][:, None])
            inner = _product(given, own_value.T) - shares[index, place]
            moved = (weights * inner * details.scale).astype(query.dtype)
            to_key = _product(moved.T, asked)
            to_value = _product(weights.astype(query.dtype).T, given)
            state = (state[0] + to_key, state[1] + to_value)
            return state, _product(moved, own_key).astype(query.dtype)

        zeros = jnp.zeros(own_key.shape, wide), jnp.zeros(own_value.shape, wide)
        (to_key, to_value), to_query = lax.scan(block, zeros, jnp.arange(number))
        return None, (to_query, to_key.astype(key.dtype), to_value.astype(value.dtype))

    _, (to_query, to_key, to_value) = lax.scan(head, None, jnp.arange(each))
    to_query = to_query.reshape(each, number * rows, width)[:, :count]
    return to_query, to_key, to_value, None


_attend.defvjp(_forward, _backward)


def _blocks(x: Float[Array, "each q d"], number: int, rows: int) -> Float[Array, "each n r d"]:
    """Rows in blocks; zeros fill up the last one."""
    more = number * rows - x.shape[1]
    if more:
        x = jnp.pad(x, [(0, 0), (0, more), (0, 0)])
    return x.reshape(x.shape[0], number, rows, x.shape[-1])


def _logits(
    query: Float[Array, "r d"],
    key: Float[Array, "k d"],
    mask: Any,
    sizes: tuple[int, int],
    head: jax.Array,
    block: jax.Array,
    rows: int,
    details: Attention,
) -> Float[Array, "r k"]:
    """Scaled products of a block of queries with all keys, masked, in float32 at least."""
    logits = _product(query, key.T) * details.scale
    # As jax.nn masks: finite, so that a row without any key has weights all the same.
    lowest = -0.7 * float(jnp.finfo(logits.dtype).max)
    if details.is_causal:
        asked = block * rows + jnp.arange(rows)
        logits = jnp.where(asked[:, None] >= jnp.arange(key.shape[0]), logits, lowest)
    if mask is not None:
        _, heads = sizes
        own = mask[(head // heads) % mask.shape[0], (head % heads) % mask.shape[1]]
        more = -own.shape[0] % rows
        own = jnp.pad(own, [(0, more), (0, 0)], constant_values=True) if more else own
        seen = lax.dynamic_slice(own, (block * rows, 0), (rows, own.shape[1]))
        logits = jnp.where(seen, logits, lowest)
    return logits


def _product(one: jax.Array, other: jax.Array) -> jax.Array:
    wide = jnp.promote_types(one.dtype, jnp.float32)
    return lax.dot_general(one, other, (((1,), (0,)), ((), ())), preferred_element_type=wide)


def _applies(operation: Operation) -> bool:
    return not operation.details.has_bias


def _variants(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Blocks whose logits take one, two or four times the cache."""
    (_, queries, _, _), (_, keys, _, _), *_ = operation.shapes
    found: dict[str, Any] = {}
    for multiple in _MULTIPLES:
        most = max(multiple * limits.cache_bytes // (4 * keys), _FEWEST_ROWS)
        # Blocks of nearly equal size instead of a small rest.
        rows = -(-queries // -(-queries // most))
        found.setdefault(f"-{rows}", rows)
    return found


register(Implementation("blocked", "attention", _applies, attend, _variants))
