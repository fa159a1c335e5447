"""Convolution by oneDNN, which XLA calls for a forward convolution if a program's options let it.

Forward it is the plain form. Its gradients are written as forward convolutions too, and as matrix
products: XLA hands over neither a convolution whose kernel is reversed nor one over groups of a
batch, which are what automatic differentiation makes. Without the library all of it is right, and
slow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from reelbench.implementations.geometry import Geometry, padded
from reelbench.implementations.gradients import KernelGradient, differentiable
from reelbench.implementations.plain import convolve

if TYPE_CHECKING:
    from jaxtyping import Array, Float

LIBRARY = "onednn"


def convolution(geometry: Geometry, of_kernel: KernelGradient) -> Callable[..., jax.Array]:
    """A convolution of input and kernel for the library.

    Args:
        geometry: Of the convolution; see `gradients.has_phases`.
        of_kernel: The gradient with respect to its kernel, of one group of channels.
    """
    groups = geometry.groups
    of_groups = _each_group(of_kernel, groups) if groups > 1 else of_kernel
    return differentiable(_convolve, of_groups, geometry, _turning)


def depthwise(geometry: Geometry) -> Callable[..., jax.Array]:
    """A convolution of each channel alone."""
    return differentiable(_convolve, depthwise_kernel_gradient, geometry, _turning)


def _convolve(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """The plain form, of an input that is cropped before it where its padding crops.

    XLA for CPUs may leave a part of the output of a convolution that crops unwritten.
    """
    crops = tuple((min(low, 0), min(high, 0)) for low, high in geometry.padding)
    grows = tuple((max(low, 0), max(high, 0)) for low, high in geometry.padding)
    cropped = padded(x, replace(geometry, padding=crops))
    return convolve(cropped, kernel, replace(geometry, padding=grows))


def _turning(
    x: Float[Array, "n *sizes o"], kernel: Float[Array, "*taps i o"], geometry: Geometry
) -> Float[Array, "n *outputs c"]:
    """Convolve with the kernel turned round in every group."""
    *taps, inner, features = kernel.shape
    grouped = kernel.reshape(*taps, inner, geometry.groups, features // geometry.groups)
    turned = jnp.swapaxes(grouped, -1, -3).reshape(*taps, -1, geometry.groups * inner)
    return _convolve(x, _reversed(turned, geometry.rank), geometry)


def _reversed(kernel: Float[Array, "*taps i o"], rank: int) -> Float[Array, "*taps i o"]:
    """The taps in reverse, put together one by one.

    XLA makes a reversal a property of the convolution that reads it, and keeps that to itself.
    """
    for axis in range(rank):
        if kernel.shape[axis] > 1:
            slices = jnp.split(kernel, kernel.shape[axis], axis)
            kernel = jnp.concatenate(slices[::-1], axis)
    return kernel


def _each_group(of_kernel: KernelGradient, groups: int) -> KernelGradient:
    """The gradient of a kernel whose channels fall into groups."""

    def run(
        x: Float[Array, "n *sizes c"],
        gradient: Float[Array, "n *outputs o"],
        lengths: tuple[int, ...],
        geometry: Geometry,
    ) -> Float[Array, "*taps i o"]:
        apart = [
            jnp.moveaxis(each.reshape(*each.shape[:-1], groups, -1), -2, 0)
            for each in (x, gradient)
        ]
        one = replace(geometry, groups=1)
        made = jax.vmap(lambda seen, given: of_kernel(seen, given, lengths, one))(*apart)
        return jnp.moveaxis(made, 0, -2).reshape(*lengths, made.shape[-2], -1)

    return run


def depthwise_kernel_gradient(
    x: Float[Array, "n *sizes c"],
    gradient: Float[Array, "n *outputs c"],
    lengths: tuple[int, ...],
    geometry: Geometry,
) -> Float[Array, "*taps 1 c"]:
    """The gradient with respect to the kernel: a convolution with the output's gradient as kernel.

    Every clip and channel is a group of its own; where the convolution strides, every phase of the
    input is convolved alone, so that the kernel has no gaps.

    Args:
        x: Input of the convolution.
        gradient: With respect to its output.
        lengths: Of the kernel along the spatial axes.
        geometry: Of the convolution; see `gradients.has_phases`.
    """
    batch, features, rank = x.shape[0], x.shape[-1], geometry.rank
    whole = _clips_as_channels(padded(x, geometry))
    kernel = jnp.expand_dims(_clips_as_channels(gradient)[0], -2)
    outputs, strides = gradient.shape[1:-1], geometry.strides
    still = Geometry(geometry.dilation, ((0, 0),) * rank, (1,) * rank, batch * features)
    made = jnp.zeros((*lengths, features), x.dtype)
    for phases in product(*map(range, strides)):
        taps = [len(range(*each)) for each in zip(phases, lengths, strides, strict=True)]
        if not all(taps):
            continue
        seen = [
            (count - 1) + (own - 1) * spread + 1
            for count, own, spread in zip(outputs, taps, geometry.dilation, strict=True)
        ]
        places = [
            slice(phase, phase + (count - 1) * stride + 1, stride)
            for phase, count, stride in zip(phases, seen, strides, strict=True)
        ]
        sums = convolve(whole[(slice(None), *places)], kernel, still)
        own = [slice(*each) for each in zip(phases, lengths, strides, strict=True)]
        totals = sums.reshape(*taps, batch, features).sum(-2)
        made = made.at[tuple(own)].set(totals)
    return jnp.expand_dims(made, -2)


def _clips_as_channels(x: Float[Array, "n *sizes c"]) -> Float[Array, "1 *sizes nc"]:
    moved = jnp.moveaxis(x, 0, -2)
    return moved.reshape(1, *moved.shape[:-2], -1)
