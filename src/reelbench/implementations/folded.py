"""A 3-D convolution as a 2-D one whose channels hold the frames that a kernel sees.

Libraries have better code for two axes than for three. What autodiff makes of it are 2-D
convolutions too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import lax

from reelbench.implementations.geometry import Geometry, at_tap, over_frames, padded, uncropped

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def convolve(
    x: Float[Array, "n t h w c"], kernel: Float[Array, "kt kh kw c o"], geometry: Geometry
) -> Float[Array, "n t2 h2 w2 o"]:
    """Convolve over two axes, the first one's taps side by side in the channels.

    Args:
        x: Input, channels last.
        kernel: Kernel, its input and output channels last.
        geometry: Strides, padding and dilation; one group.
    """
    x, geometry = uncropped(x, geometry)
    length = kernel.shape[0]
    outputs = geometry.out_sizes(x.shape[1:-1], kernel.shape[:-2])
    in_time, own = over_frames(geometry)
    whole = padded(x, in_time)
    frames = (outputs[0], *x.shape[2:4])
    seen = [at_tap(whole, (tap, 0, 0), frames, in_time) for tap in range(length)]
    joined = jnp.concatenate(seen, axis=-1) if length > 1 else seen[0]
    flat = joined.reshape(-1, *joined.shape[2:])
    # Channels of the first tap, then of the second, …, as they were joined.
    turned = jnp.moveaxis(kernel, 0, 2).reshape(*kernel.shape[1:3], -1, kernel.shape[-1])
    y = lax.conv_general_dilated(
        flat,
        turned,
        own.strides,
        own.padding,
        rhs_dilation=own.dilation,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=geometry.precision,
    )
    return y.reshape(x.shape[0], *outputs, -1)
