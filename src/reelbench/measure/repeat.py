"""Repeats a function inside one compiled program, in a way that no compiler can shorten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def repeat_inside(step: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """``(x, turns, *rest)``: ``step`` applied ``turns`` times to ``x``, in one program.

    ``turns`` is an argument of the program (int32, at least 0), so that one program serves every
    count and two counts differ in nothing but work: the program of 102 turns cannot be compiled
    otherwise than that of 100. Each turn works on what the turn before it left, so that none can be
    taken out of the loop.

    After each turn the carry is scaled back to a root mean square of 1. A step multiplies its
    input's size by some gain, and the hundredth power of any gain but 1 is out of range; numbers
    that are infinite, NaN or denormal may also take longer or shorter to compute than ordinary
    ones. The scaling reads and writes the carry once more, which is part of the turn. A step whose
    output is zero everywhere gives zeros from then on, as does one that makes so much of its input
    (1e19) that float32 cannot hold the square.

    Args:
        step: ``(x, *rest)`` to an array of the shape and dtype of ``x``. ``rest`` (parameters) is
            the same at each turn; what is closed over instead is a constant of the program.

    Raises:
        TypeError: When called: ``x`` is not floating, or the step's output is not like ``x``.
    """

    def repeated(x: jax.Array, turns: jax.Array | int, *rest: Any) -> jax.Array:
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise TypeError(f"repeat_inside() scales what it carries, which cannot be {x.dtype}")
        out = jax.eval_shape(step, x, *rest)
        if (out.shape, out.dtype) != (x.shape, x.dtype):
            raise TypeError(
                f"the step makes {out.dtype}{list(out.shape)} of {x.dtype}{list(x.shape)}; "
                "repeat_inside() takes steps whose output is like their input"
            )
        return lax.fori_loop(0, turns, lambda _, carry: _scaled(step(carry, *rest)), x)

    return repeated


def _scaled(x: jax.Array) -> jax.Array:
    """The array at a root mean square of 1, or zeros; squares of float16 need float32's range."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    scale = lax.rsqrt(jnp.mean(jnp.square(wide)) + jnp.finfo(wide.dtype).tiny)
    return (wide * scale).astype(x.dtype)
