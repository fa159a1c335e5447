"""Depthwise convolution as a sum of shifted products, forward and backward.

Each tap of the kernel scales the whole input, shifted. On a processor that is a few vector
instructions an element; a compiler that sees a convolution of as many groups as channels may well
treat each group alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from reelbench.implementations.geometry import Geometry, at_tap, padded, taps
from reelbench.implementations.gradients import input_gradient

if TYPE_CHECKING:
    from jaxtyping import Array, Float


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve(
    x: Float[Array, "n *sizes c"], kernel: Float[Array, "*taps 1 c"], geometry: Geometry
) -> Float[Array, "n *outputs c"]:
    """Convolve each channel alone.

    Args:
        x: Input, channels last.
        kernel: One kernel a channel.
        geometry: Strides, padding and dilation; as many groups as channels.
    """
    lengths = kernel.shape[:-2]
    outputs = geometry.out_sizes(x.shape[1:-1], lengths)
    whole = padded(x, geometry)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    total = jnp.zeros((), wide)
    for tap in taps(lengths):
        total = total + at_tap(whole, tap, outputs, geometry).astype(wide) * kernel[tap]
    return total.astype(x.dtype)


def kernel_gradient(
    x: Float[Array, "n *sizes c"],
    gradient: Float[Array, "n *outputs c"],
    lengths: tuple[int, ...],
    geometry: Geometry,
) -> Float[Array, "*taps 1 c"]:
    """The gradient with respect to the kernel: a mean of products for each tap."""
    outputs = gradient.shape[1:-1]
    whole = padded(x, geometry)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    sums = [
        jnp.sum(
            at_tap(whole, tap, outputs, geometry).astype(wide) * gradient,
            axis=tuple(range(gradient.ndim - 1)),
        )
        for tap in taps(lengths)
    ]
    return jnp.stack(sums).reshape(*lengths, 1, x.shape[-1]).astype(x.dtype)


def _forward(
    x: jax.Array, kernel: jax.Array, geometry: Geometry
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return convolve(x, kernel, geometry), (x, kernel)


def _backward(
    geometry: Geometry, kept: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = kept

    def without_strides(y: jax.Array, turned: jax.Array, own: Geometry) -> jax.Array:
        # The turned kernel's last axes stand the other way round.
        return convolve(y, jnp.swapaxes(turned, -1, -2), own)

    return (
        input_gradient(gradient, kernel, x.shape, geometry, without_strides),
        kernel_gradient(x, gradient, kernel.shape[:-2], geometry),
    )


convolve.defvjp(_forward, _backward)
