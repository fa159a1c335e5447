"""Recognises the operations that have other implementations in the parts of a program.

An operation is what an equation or a chain of them computes, in one canonical layout and without
its place in the program: two convolutions of the same sizes are one operation, wherever they
stand. It can be hashed, so that what was found fastest for it is found again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.chains import Chain, beside
from reelbench.implementations.geometry import Geometry
from reelbench.layers.multihead import ATTENTION

Function = Callable[..., Any]

_BROADCASTING = ("broadcast_in_dim", "add", "sub", "mul", "div")
# Elements from which on the gradient of a broadcast can take longer than to call it.
_LEAST_BROADCAST = 2**16
# Axes of a sum in the canonical layout, and which of them are summed.
_SUMMED = (False, True, False, True)
# Elements from which on the order of a sum matters.
_LEAST_SUMMED = 2**18
# Multiplications from which on the layout of a product's gradients matters.
_LEAST_PRODUCT = 2**24
# Elements from which on the gradient of a pool can take longer than to call it.
_LEAST_POOLED = 2**16
_DEFAULT = lax.Precision.DEFAULT


@dataclass(frozen=True)
class Attention:
    """What of an attention its operands do not say.

    Attributes:
        scale: Factor on the logits.
        is_causal: Whether no query sees a later key.
        has_bias: Whether a bias is added to the logits, after the values among the operands.
        has_mask: Whether a mask is the last operand.
    """

    scale: float
    is_causal: bool
    has_bias: bool
    has_mask: bool


@dataclass(frozen=True)
class Pooling:
    """Windows over an array, a number for each of its axes.

    Attributes:
        window: Lengths of a window.
        strides: Steps from one window to the next.
        padding: Positions before the first and behind the last one that windows may cover.
    """

    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Operation:
    """What an equation computes.

    Attributes:
        kind: ``convolution``, ``attention``, ``broadcast``, ``chain``, ``pool``, ``product`` or
            ``sum``.
        shapes: Shapes of the operands, in the canonical layout.
        dtype: Dtype of the operands.
        details: What else decides the result; a `Geometry` for a convolution, an `Attention`, the
            names of a chain's steps, a `Pooling`, nothing of a broadcast, a product or a sum.
    """

    kind: str
    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    details: Any

    @property
    def key(self) -> str:
        """A short hash, the same in every process."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Found:
    """An operation in a program, and how its operands and result are laid out there.

    Attributes:
        canonical: Makes a function of the operands in the program's layout out of one in the
            canonical layout.
    """

    operation: Operation
    canonical: Callable[[Function], Function]


def recognise(eqn: Any) -> Found | None:
    """The operation of an equation or a chain, or None if it has no other implementations."""
    if isinstance(eqn, Chain):
        return _chain(eqn)
    if eqn.primitive.name == "conv_general_dilated":
        return _convolution(eqn)
    if eqn.primitive.name in _BROADCASTING:
        return _broadcast(eqn)
    if eqn.primitive.name == "reduce_sum":
        return _sum(eqn)
    if eqn.primitive.name == "dot_general":
        return _product(eqn)
    if eqn.primitive.name == "reduce_window_max":
        return _pool(eqn)
    if eqn.params.get("name", "").startswith(ATTENTION):
        return _attention(eqn)
    return None


def _broadcast(eqn: Any) -> Found | None:
    """Vectors beside every row or every column of a larger array, as scale and mean of a norm are.

    They are spread out by an equation of their own, or by the sum or product that they are part of.
    All such of arrays of one size are one operation: a norm's sums are fast together or not at all.
    """
    made = eqn.outvars[0].aval
    if made.ndim < 2 or made.size < _LEAST_BROADCAST or not _is_floating(made):
        return None
    features = made.shape[-1]
    rows = made.size // features
    alone = eqn.primitive.name == "broadcast_in_dim"
    if 1 in (rows, features) or (alone and len(eqn.invars) > 1):
        return None
    sides = [_side(beside(eqn, each.aval), made.shape) for each in eqn.invars]
    if sides.count(None) == len(sides):
        return None
    operation = Operation("broadcast", ((rows,), (features,)), str(made.dtype), None)

    def canonical(function: Function) -> Function:
        def run(*operands: jax.Array) -> jax.Array:
            given = list(operands)
            for place, side in enumerate(sides):
                if side is None:
                    continue
                # What is spread beside a vector that is not there is never computed.
                vectors = [jnp.zeros(shape, made.dtype) for shape in operation.shapes]
                vectors[side] = operands[place].reshape(-1)
                given[place] = function(*vectors)[side].reshape(made.shape)
            return given[0] if alone else eqn.primitive.bind(*given, **eqn.params)

        return run

    return Found(operation, canonical)


def _sum(eqn: Any) -> Found | None:
    """A sum over some rows and over the last axes of a large array, with groups between."""
    (given,) = (each.aval for each in eqn.invars)
    axes = set(eqn.params["axes"])
    if given.size < _LEAST_SUMMED or not _is_floating(given):
        return None
    # Kept, summed, kept, summed: some of the first may be missing.
    runs: list[list[int]] = [[]]
    for axis in range(given.ndim):
        if (axis in axes) != (len(runs) % 2 == 0):
            runs.append([])
        runs[-1].append(axis)
    if len(runs) != len(_SUMMED):
        return None
    shape = tuple(prod(given.shape[axis] for axis in run) for run in runs)
    operation = Operation("sum", (shape,), str(given.dtype), None)

    def canonical(function: Function) -> Function:
        def run(x: jax.Array) -> jax.Array:
            # As compilers do it: sums of few digits are rounded at the end.
            wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
            total: jax.Array = function(wide.reshape(shape))
            return total.reshape(eqn.outvars[0].aval.shape).astype(x.dtype)

        return run

    return Found(operation, canonical)


def _product(eqn: Any) -> Found | None:
    """The last axes of one large array with the first axes of another, in the dtype of both."""
    left, right = (each.aval for each in eqn.invars)
    made = eqn.outvars[0].aval
    (of_left, of_right), (batched, _) = eqn.params["dimension_numbers"]
    count = len(of_left)
    plainly = (
        not batched
        # In any order, but each with its own.
        and sorted(zip(of_left, of_right, strict=True))
        == [(left.ndim - count + axis, axis) for axis in range(count)]
        and eqn.params["precision"] in (None, _DEFAULT, (_DEFAULT, _DEFAULT))
        # Numbers are not gathered in a wider dtype, nor spread over devices.
        and eqn.params.get("out_sharding") is None
        and left.dtype == right.dtype == made.dtype
    )
    rows, inner = prod(left.shape[: left.ndim - count]), prod(right.shape[:count])
    columns = prod(right.shape[count:])
    if not plainly or not _is_floating(made) or rows * inner * columns < _LEAST_PRODUCT:
        return None
    operation = Operation("product", ((rows, inner), (inner, columns)), str(made.dtype), None)

    def canonical(function: Function) -> Function:
        def run(one: jax.Array, other: jax.Array) -> jax.Array:
            flat = one.reshape(rows, inner), other.reshape(inner, columns)
            product: jax.Array = function(*flat)
            return product.reshape(made.shape)

        return run

    return Found(operation, canonical)


def _pool(eqn: Any) -> Found | None:
    """The largest value of every window of a large array."""
    (given,) = (each.aval for each in eqn.invars)
    params = eqn.params
    if given.size < _LEAST_POOLED or not _is_floating(given):
        return None
    if any(each != 1 for each in (*params["base_dilation"], *params["window_dilation"])):
        return None
    pooling = Pooling(
        window=tuple(params["window_dimensions"]),
        strides=tuple(params["window_strides"]),
        padding=tuple(map(tuple, params["padding"])),
    )
    operation = Operation("pool", (tuple(given.shape),), str(given.dtype), pooling)
    return Found(operation, lambda function: function)


def _chain(chain: Chain) -> Found:
    """One whose operands do not differ between rows: batch, rows and channels of an array."""
    made = chain.outvars[0].aval
    batch, rows, channels = chain.sizes
    first, last = chain.rows
    # All vectors are spread to one size, which is small beside the array.
    vectors = tuple((batch, channels) for _ in chain.steps)
    operation = Operation(
        "chain", ((batch, rows, channels), *vectors), str(made.dtype), chain.steps
    )

    def canonical(function: Function) -> Function:
        def run(x: jax.Array, *operands: jax.Array) -> jax.Array:
            full = *made.shape[:first], *(1,) * (last + 1 - first), *made.shape[last + 1 :]
            small = []
            for operand, shape in zip(operands, chain.operands, strict=True):
                apart = jnp.asarray(operand, made.dtype).reshape(shape)
                small.append(jnp.broadcast_to(apart, full).reshape(batch, channels))
            result: jax.Array = function(x.reshape(batch, rows, channels), *small)
            return result.reshape(made.shape)

        return run

    return Found(operation, canonical)


def _side(shape: tuple[int, ...], whole: tuple[int, ...]) -> int | None:
    """0 of a column, with one number for each row of the whole; 1 of a row; None of neither."""
    if len(shape) != len(whole):
        return None
    if shape[-1] == 1 and shape[:-1] == whole[:-1]:
        return 0
    return 1 if shape[-1] == whole[-1] == prod(shape) else None


def _is_floating(array: Any) -> bool:
    return bool(jnp.issubdtype(array.dtype, jnp.floating))


def _attention(eqn: Any) -> Found | None:
    """What `reelbench.layers.multihead.attend` marked; the mark's name holds what is static."""
    shapes = tuple(tuple(each.aval.shape) for each in eqn.invars)
    dtype = eqn.invars[0].aval.dtype
    causal, scale = eqn.params["name"].removeprefix(ATTENTION).split("_", 1)
    has_mask = eqn.invars[-1].aval.dtype == jnp.bool_
    details = Attention(
        scale=shapes[0][-1] ** -0.5 if scale == "None" else float(scale),
        is_causal=causal == "True",
        has_bias=len(shapes) - has_mask == 4,
        has_mask=bool(has_mask),
    )
    return Found(Operation("attention", shapes, str(dtype), details), lambda function: function)


def _convolution(eqn: Any) -> Found | None:
    """A convolution over any number of axes: channels last, kernel axes before its channels."""
    params = eqn.params
    numbers = params["dimension_numbers"]
    if params["batch_group_count"] != 1 or any(d != 1 for d in params["lhs_dilation"]):
        return None
    if not 1 <= len(params["window_strides"]) <= 3:
        return None
    x, kernel = (each.aval for each in eqn.invars)
    if x.dtype != kernel.dtype or not _is_floating(x):
        return None
    if params["preferred_element_type"] not in (None, x.dtype):
        return None
    to_x, to_kernel, to_out = (
        (numbers.lhs_spec[0], *numbers.lhs_spec[2:], numbers.lhs_spec[1]),
        (*numbers.rhs_spec[2:], numbers.rhs_spec[1], numbers.rhs_spec[0]),
        (numbers.out_spec[0], *numbers.out_spec[2:], numbers.out_spec[1]),
    )
    back = tuple(to_out.index(axis) for axis in range(len(to_out)))
    geometry = Geometry(
        strides=tuple(params["window_strides"]),
        padding=tuple(map(tuple, params["padding"])),
        dilation=tuple(params["rhs_dilation"]),
        groups=params["feature_group_count"],
        precision=params["precision"],
    )
    operation = Operation(
        "convolution",
        (
            tuple(x.shape[axis] for axis in to_x),
            tuple(kernel.shape[axis] for axis in to_kernel),
        ),
        str(x.dtype),
        geometry,
    )

    def canonical(function: Function) -> Function:
        def run(x: jax.Array, kernel: jax.Array) -> jax.Array:
            made = function(lax.transpose(x, to_x), lax.transpose(kernel, to_kernel))
            return lax.transpose(made, back)

        return run

    return Found(operation, canonical)
