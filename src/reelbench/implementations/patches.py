"""Convolution as matrix products of patches, a block at a time, forward and backward."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from reelbench.implementations.blocks import (
    Blocks,
    assembled,
    cut,
    extended,
    filled,
    outputs_of,
    window,
)
from reelbench.implementations.geometry import Geometry, padded, patches

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def convolve(
    x: Float[Array, "n *sizes c"],
    kernel: Float[Array, "*taps c o"],
    geometry: Geometry,
    block_bytes: int,
    *,
    turned: bool = False,
) -> Float[Array, "n *outputs o"]:
    """Convolve; what the kernel meets is written out for a block of outputs at a time.

    Chellapilla et al., "High Performance Convolutional Neural Networks for Document Processing",
    2006, for patches as a matrix; the blocks are ours.

    Args:
        x: Input, channels last.
        kernel: Kernel, its input and output channels last.
        geometry: Strides, padding and dilation; one group.
        block_bytes: Bytes that the patches of a block take, about.
        turned: Whether the kernel's taps stand in reverse and its input channels are last.
    """
    lengths = kernel.shape[:-2]
    blocks = _blocks(x, lengths, geometry, block_bytes)
    if turned:
        # A product takes its right side either way.
        flat = jnp.moveaxis(kernel, -2, 0).reshape(kernel.shape[-2], -1)
    else:
        flat = kernel.reshape(-1, kernel.shape[-1])
    whole = padded(x, geometry)
    if blocks.number == 1:
        rows = patches(whole, lengths, blocks.outputs, geometry, turned=turned)
        y = product(rows, flat, geometry, swapped=turned)
        return y.reshape(x.shape[0], *blocks.outputs, -1)
    whole = extended(whole, lengths, blocks, geometry)

    def one(index: jax.Array) -> jax.Array:
        seen = window(whole, index, lengths, blocks, geometry)
        rows = patches(seen, lengths, blocks.size, geometry, turned=turned)
        return product(rows, flat, geometry, swapped=turned)

    return assembled(lax.map(one, jnp.arange(blocks.number)), blocks)


def of_tiles(
    x: Float[Array, "n *sizes c"], kernel: Float[Array, "*taps c o"], geometry: Geometry
) -> Float[Array, "n *outputs o"]:
    """Convolve with a kernel that strides by its own lengths: one product, whose sides are cut up.

    Args:
        x: Input, channels last.
        kernel: Kernel, its input and output channels last.
        geometry: Strides, padding and dilation; one group.
    """
    lengths = kernel.shape[:-2]
    outputs = geometry.out_sizes(x.shape[1:-1], lengths)
    rows = patches(padded(x, geometry), lengths, outputs, geometry)
    # Rounded where the product ends: a GPU adds up in float32 whatever it is to return.
    made = jnp.matmul(rows, kernel.reshape(-1, kernel.shape[-1]), precision=geometry.precision)
    return made.reshape(x.shape[0], *outputs, -1)


def kernel_gradient(
    x: Float[Array, "n *sizes c"],
    gradient: Float[Array, "n *outputs o"],
    lengths: tuple[int, ...],
    geometry: Geometry,
    block_bytes: int,
) -> Float[Array, "*taps c o"]:
    """The gradient with respect to the kernel, summed up over blocks of outputs.

    Args:
        x: Input of the convolution.
        gradient: With respect to its output.
        lengths: Of the kernel along the spatial axes.
        geometry: Of the convolution.
        block_bytes: Bytes that the patches of a block take, about.
    """
    features, out = x.shape[-1], gradient.shape[-1]
    patch_bytes = prod(lengths) * features * x.dtype.itemsize
    blocks = cut(x.shape[0], gradient.shape[1:-1], patch_bytes, block_bytes)
    whole = padded(x, geometry)
    wide = jnp.promote_types(x.dtype, jnp.float32)

    def of_block(seen: jax.Array, given: jax.Array) -> jax.Array:
        rows = patches(seen, lengths, given.shape[1:-1], geometry)
        return lax.dot_general(
            rows,
            given.reshape(-1, out),
            (((0,), (0,)), ((), ())),
            precision=geometry.precision,
            preferred_element_type=wide,
        )

    if blocks.number == 1:
        total = of_block(whole, gradient)
    else:
        whole = extended(whole, lengths, blocks, geometry)
        given = filled(gradient, blocks)

        def add(total: jax.Array, index: jax.Array) -> tuple[jax.Array, None]:
            seen = window(whole, index, lengths, blocks, geometry)
            return total + of_block(seen, outputs_of(given, index, blocks)), None

        start = jnp.zeros((prod(lengths) * features, out), wide)
        total = lax.scan(add, start, jnp.arange(blocks.number))[0]
    return total.astype(x.dtype).reshape(*lengths, features, out)


def product(
    rows: Float[Array, "m k"],
    columns: Float[Array, "k n"] | Float[Array, "n k"],
    geometry: Geometry,
    *,
    swapped: bool = False,
) -> Float[Array, "m n"]:
    """A matrix product, summed in float32 at least, in the dtype of its operands.

    Args:
        rows: Left side.
        columns: Right side.
        geometry: Says how precise the product is.
        swapped: Whether the axes of ``columns`` are.
    """
    wide = jnp.promote_types(rows.dtype, jnp.float32)
    made = lax.dot_general(
        rows,
        columns,
        (((1,), (1 if swapped else 0,)), ((), ())),
        precision=geometry.precision,
        preferred_element_type=wide,
    )
    return made.astype(rows.dtype)


def _blocks(x: jax.Array, lengths: tuple[int, ...], geometry: Geometry, block_bytes: int) -> Blocks:
    outputs = geometry.out_sizes(x.shape[1:-1], lengths)
    patch_bytes = prod(lengths) * x.shape[-1] * x.dtype.itemsize
    return cut(x.shape[0], outputs, patch_bytes, block_bytes)
