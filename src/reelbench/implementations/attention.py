"""Attention a head and a block of queries at a time, forward and backward.

The logits of a clip's tokens with each other are far larger than the tokens: 118 MB for the 1568
tokens and 12 heads of VideoMAE. Written out whole they go through memory several times in either
pass. A block's logits stay in the cache, and the backward pass computes them again from the sums
that the forward pass kept (Dao et al., "FlashAttention", 2022, arXiv:2205.14135; here whole rows
of keys, as a cache holds more than a processor's shared memory).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.operation import Attention, Function, Operation
from reelbench.implementations.registry import CPU, Implementation, Limits, register

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float

# Gradients of keys, of values and of a bias while blocks add to them.
_State = tuple[jax.Array, jax.Array, jax.Array | None]

_MULTIPLES = (1, 2, 4, 8)
_FEWEST_ROWS = 32


def attend(operation: Operation, rows: int) -> Function:
    """Attention in blocks of so many queries.

    Args:
        operation: Its sizes and details; see `reelbench.implementations.operation.Attention`.
        rows: Queries of a block.
    """
    details: Attention = operation.details

    def run(query: jax.Array, key: jax.Array, value: jax.Array, *more: jax.Array) -> jax.Array:
        batch, asked, heads, _ = query.shape
        flat = [_by_head(each) for each in (query, key, value)]
        # Over batch and heads they may stay of length one.
        planes = [jnp.broadcast_to(x, (*x.shape[:2], asked, key.shape[1])) for x in more]
        bias = planes[0] if details.has_bias else None
        mask = planes[-1] if details.has_mask else None
        found = _attend(*flat, bias, mask, heads, details, rows)
        return found.reshape(batch, heads, *found.shape[1:]).transpose(0, 2, 1, 3)

    return run


def _by_head(x: Float[Array, "batch n heads d"]) -> Float[Array, "batch*heads n d"]:
    return x.transpose(0, 2, 1, 3).reshape(-1, x.shape[1], x.shape[3])


@partial(jax.custom_vjp, nondiff_argnums=(5, 6, 7))
def _attend(
    query: Float[Array, "each q d"],
    key: Float[Array, "each k d"],
    value: Float[Array, "each k d"],
    bias: Float[Array, "#batch #heads q k"] | None,
    mask: Bool[Array, "#batch #heads q k"] | None,
    heads: int,
    details: Attention,
    rows: int,
) -> Float[Array, "each q d"]:
    return _forward(query, key, value, bias, mask, heads, details, rows)[0]


def _forward(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    bias: jax.Array | None,
    mask: jax.Array | None,
    heads: int,
    details: Attention,
    rows: int,
) -> tuple[jax.Array, tuple[Any, ...]]:
    each, count, _ = query.shape
    number = -(-count // rows)
    before, after = _factors(details.scale, query.dtype)
    blocked = _blocks(query * before, number, rows)
    planes = _Planes.of(bias, mask, details.is_causal, heads, rows)

    def one(index: jax.Array) -> tuple[jax.Array, jax.Array]:
        head, block = index // number, index % number
        logits = _logits(blocked[head, block], key[head], planes, head, block, after)
        most = jnp.max(logits, axis=-1, keepdims=True)
        weights = jnp.exp(logits - most)
        total = jnp.sum(weights, axis=-1, keepdims=True)
        found = _product(weights.astype(value.dtype), value[head]) / total
        return found.astype(query.dtype), (most + jnp.log(total))[:, 0]

    found, sums = lax.map(one, jnp.arange(each * number))
    found = found.reshape(each, number * rows, -1)[:, :count]
    sums = sums.reshape(each, number, rows)
    return found, (query, key, value, bias, mask, found, sums)


def _backward(
    heads: int,
    details: Attention,
    rows: int,
    kept: tuple[Any, ...],
    gradient: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array | None, None]:
    query, key, value, bias, mask, found, sums = kept
    each, count, width = query.shape
    number = -(-count // rows)
    wide = sums.dtype
    before, after = _factors(details.scale, query.dtype)
    queries, gradients = _blocks(query * before, number, rows), _blocks(gradient, number, rows)
    shared = jnp.sum(found.astype(wide) * gradient.astype(wide), axis=-1)
    shares = _blocks(shared[..., None], number, rows)
    planes = _Planes.of(bias, mask, details.is_causal, heads, rows)

    def head(
        to_bias: jax.Array | None, index: jax.Array
    ) -> tuple[jax.Array | None, tuple[jax.Array, ...]]:
        own_key, own_value = key[index], value[index]

        def block(state: _State, place: jax.Array) -> tuple[_State, jax.Array]:
            asked, given = queries[index, place], gradients[index, place]
            logits = _logits(asked, own_key, planes, index, place, after)
            weights = jnp.exp(logits - sums[index, place][:, None])
            inner = weights * (_product(given, own_value.T) - shares[index, place])
            moved = _times(inner, after).astype(query.dtype)
            to_key = state[0] + _product(moved.T, asked)
            to_value = state[1] + _product(weights.astype(query.dtype).T, given)
            to_bias = None if state[2] is None else planes.add(state[2], inner, index, place)
            to_query = _product(moved, own_key) * before
            return (to_key, to_value, to_bias), to_query.astype(query.dtype)

        start = jnp.zeros(own_key.shape, wide), jnp.zeros(own_value.shape, wide), to_bias
        (to_key, to_value, to_bias), to_query = lax.scan(block, start, jnp.arange(number))
        return to_bias, (to_query, to_key.astype(key.dtype), to_value.astype(value.dtype))

    start = None if planes.bias is None else jnp.zeros(planes.bias.shape, wide)
    to_bias, (to_query, to_key, to_value) = lax.scan(head, start, jnp.arange(each))
    to_query = to_query.reshape(each, number * rows, width)[:, :count]
    if to_bias is not None:
        to_bias = to_bias[:, :, :count].astype(bias.dtype)
    return to_query, to_key, to_value, to_bias, None


_attend.defvjp(_forward, _backward)


def _blocks(x: Float[Array, "each q d"], number: int, rows: int) -> Float[Array, "each n r d"]:
    """Rows in blocks; zeros fill up the last one."""
    more = number * rows - x.shape[1]
    if more:
        x = jnp.pad(x, [(0, 0), (0, more), (0, 0)])
    return x.reshape(x.shape[0], number, rows, x.shape[-1])


@dataclass(frozen=True)
class _Planes:
    """What is added to the logits and what hides them, filled up to whole blocks of queries.

    Attributes:
        bias: Added, or None.
        mask: Where it is false the logits are hidden, or None.
        is_causal: Whether the keys after a query are hidden.
        heads: Of the attention.
        rows: Queries of a block.
    """

    bias: Float[Array, "#batch #heads q2 k"] | None
    mask: Bool[Array, "#batch #heads q2 k"] | None
    is_causal: bool
    heads: int
    rows: int

    @classmethod
    def of(cls, bias: Any, mask: Any, is_causal: bool, heads: int, rows: int) -> _Planes:
        """Fill both up; the queries that are added see every key."""

        def filled(x: Any, fill: Any) -> Any:
            if x is None or not x.shape[2] % rows:
                return x
            edges = [(0, 0), (0, 0), (0, -x.shape[2] % rows), (0, 0)]
            return jnp.pad(x, edges, constant_values=fill)

        return cls(filled(bias, 0), filled(mask, True), is_causal, heads, rows)

    def place(self, plane: jax.Array, head: jax.Array, block: jax.Array) -> tuple[Any, ...]:
        """Where a block's rows begin; a length of one serves every clip, or every head."""
        clip, own = head // self.heads, head % self.heads
        return clip % plane.shape[0], own % plane.shape[1], block * self.rows, 0

    def rows_of(self, plane: jax.Array, head: jax.Array, block: jax.Array) -> jax.Array:
        """The rows of a block."""
        sizes = (1, 1, self.rows, plane.shape[3])
        return lax.dynamic_slice(plane, self.place(plane, head, block), sizes)[0, 0]

    def add(
        self, total: jax.Array, rows: jax.Array, head: jax.Array, block: jax.Array
    ) -> jax.Array:
        """Add to the rows of a block."""
        place = self.place(total, head, block)
        now = lax.dynamic_slice(total, place, (1, 1, *rows.shape))
        return lax.dynamic_update_slice(total, now + rows.astype(total.dtype), place)


def _logits(
    query: Float[Array, "r d"],
    key: Float[Array, "k d"],
    planes: _Planes,
    head: jax.Array,
    block: jax.Array,
    scale: float,
) -> Float[Array, "r k"]:
    """Scaled products of a block of queries with all keys, masked, in float32 at least."""
    logits = _times(_product(query, key.T), scale)
    if planes.bias is not None:
        logits = logits + planes.rows_of(planes.bias, head, block)
    # As jax.nn masks: finite, so that a row without any key has weights all the same.
    lowest = -0.7 * float(jnp.finfo(logits.dtype).max)
    if planes.is_causal:
        asked = block * planes.rows + jnp.arange(planes.rows)
        logits = jnp.where(asked[:, None] >= jnp.arange(key.shape[0]), logits, lowest)
    if planes.mask is not None:
        logits = jnp.where(planes.rows_of(planes.mask, head, block), logits, lowest)
    return logits


def _factors(scale: float, dtype: Any) -> tuple[float, float]:
    """The scale in a factor of the queries and one of the logits.

    The queries are far fewer than the logits. In less than float32 they take only a power of two,
    which rounds nothing.
    """
    if jnp.finfo(dtype).bits >= jnp.finfo(jnp.float32).bits or math.frexp(scale)[0] == 0.5:
        return scale, 1.0
    return 1.0, scale


def _times(x: jax.Array, factor: float) -> jax.Array:
    return x if factor == 1 else x * factor


def _product(one: jax.Array, other: jax.Array) -> jax.Array:
    wide = jnp.promote_types(one.dtype, jnp.float32)
    return lax.dot_general(one, other, (((1,), (0,)), ((), ())), preferred_element_type=wide)


def _applies(operation: Operation) -> bool:
    return True


def _variants(operation: Operation, limits: Limits) -> dict[str, Any]:
    """Blocks whose logits take one, two, four or eight times the cache."""
    (_, queries, _, _), (_, keys, _, _), *_ = operation.shapes
    found: dict[str, Any] = {}
    for multiple in _MULTIPLES:
        most = max(multiple * limits.cache_bytes // (4 * keys), _FEWEST_ROWS)
        # Blocks of nearly equal size instead of a small rest.
        rows = -(-queries // -(-queries // most))
        found.setdefault(f"-{rows}", rows)
    return found


register(Implementation("blocked", "attention", _applies, attend, _variants, backends=(CPU,)))
