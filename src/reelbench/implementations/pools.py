"""The largest value of every window, an axis at a time.

A compiler for CPUs sends the gradient of a window back to its largest value by walking through the
windows one number at a time, and through all positions of a window where three axes would do.
Pooled along the last axis first, what is left of ties is the first of all positions, as it is where
all axes are pooled together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.operation import Function, Operation
from reelbench.implementations.registry import Implementation, alone, register

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int8

KIND = "pool"

# Every position of a window is a pass over the outputs: long ones are better left to the compiler.
_LONGEST = 8


@dataclass(frozen=True)
class Windows:
    """Windows along one axis.

    Attributes:
        length: Positions of a window.
        stride: Positions from one window to the next.
        padding: Positions before the first and behind the last of the axis.
        inputs: Positions of the axis.
    """

    length: int
    stride: int
    padding: tuple[int, int]
    inputs: int

    @property
    def count(self) -> int:
        """How many windows there are."""
        return (self.inputs + sum(self.padding) - self.length) // self.stride + 1


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def largest(
    x: Float[Array, "before inputs behind"], windows: Windows
) -> Float[Array, "before count behind"]:
    """The largest value of every window along the middle axis; the gradient is the first one's."""
    return _forward(x, windows)[0]


def _forward(
    x: Float[Array, "before inputs behind"], windows: Windows
) -> tuple[Float[Array, "before count behind"], Int8[Array, "before count behind"]]:
    """The values, and the place in its window that each has been found at."""
    beyond = jnp.array(-jnp.inf, x.dtype)
    whole = lax.pad(x, beyond, ((0, 0, 0), (*windows.padding, 0), (0, 0, 0)))
    reach = (windows.count - 1) * windows.stride + 1
    found, *others = (
        lax.slice_in_dim(whole, tap, tap + reach, windows.stride, axis=1)
        for tap in range(windows.length)
    )
    place = jnp.zeros(found.shape, jnp.int8)
    for tap, seen in enumerate(others, 1):
        place = jnp.where(seen > found, jnp.int8(tap), place)
        found = jnp.maximum(found, seen)
    return found, place


def _backward(
    windows: Windows, place: Int8[Array, "before count behind"], gradient: jax.Array
) -> tuple[Float[Array, "before inputs behind"]]:
    """What every input gets of the windows that it lies in; inputs a stride apart together."""
    stride, low, count = windows.stride, windows.padding[0], windows.count
    rows = -(-windows.inputs // stride)
    none = jnp.zeros((), gradient.dtype)
    phases = []
    for phase in range(stride):
        total = jnp.zeros((gradient.shape[0], rows, gradient.shape[2]), gradient.dtype)
        # The input at row * stride + phase is at place tap of the window row + ahead.
        for tap in range((phase + low) % stride, windows.length, stride):
            ahead = (phase + low - tap) // stride
            first, end = max(ahead, 0), min(count, rows + ahead)
            if first < end:
                of_tap = jnp.where(place == tap, gradient, none)[:, first:end]
                edges = (first - ahead, rows + ahead - end, 0)
                total = total + lax.pad(of_tap, none, ((0, 0, 0), edges, (0, 0, 0)))
        phases.append(total)
    woven = jnp.stack(phases, 2).reshape(gradient.shape[0], rows * stride, gradient.shape[2])
    return (woven[:, : windows.inputs],)


largest.defvjp(_forward, _backward)


def _applies(operation: Operation) -> bool:
    pooling = operation.details
    # A window that lies in the padding alone has no largest value to send a gradient to.
    return max(pooling.window) <= _LONGEST and all(
        max(padding) < length
        for padding, length in zip(pooling.padding, pooling.window, strict=True)
    )


def _by_axes(operation: Operation, _: Any) -> Function:
    pooling = operation.details
    axes = [
        axis
        for axis, (length, stride) in enumerate(zip(pooling.window, pooling.strides, strict=True))
        if (length, stride) != (1, 1)
    ]

    def run(x: jax.Array) -> jax.Array:
        for axis in reversed(axes):
            shape = x.shape
            windows = Windows(
                pooling.window[axis], pooling.strides[axis], pooling.padding[axis], shape[axis]
            )
            flat = x.reshape(prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :]))
            x = largest(flat, windows).reshape(*shape[:axis], windows.count, *shape[axis + 1 :])
        return x

    return run


register(Implementation("axes", KIND, _applies, _by_axes, alone))
