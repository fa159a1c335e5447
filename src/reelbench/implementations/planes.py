"""A grouped convolution of volumes as convolutions of frames, one for each tap in time, added up.

cuDNN has fast kernels for images whose channels are convolved alone, and none for volumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import lax

from reelbench.implementations.geometry import Geometry, at_tap, over_frames, padded, uncropped

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def convolve(
    x: Float[Array, "n t h w c"], kernel: Float[Array, "kt kh kw inner o"], geometry: Geometry
) -> Float[Array, "n t2 h2 w2 o"]:
    """Convolve every frame with each of the kernel's planes, and add up what meets in time.

    Args:
        x: Input, channels last.
        kernel: Kernel, its input channels of a group and output channels last.
        geometry: Strides, padding and dilation, over three axes; any groups.
    """
    outputs = geometry.out_sizes(x.shape[1:-1], kernel.shape[:-2])
    x, geometry = uncropped(x, geometry)
    in_time, in_space = over_frames(geometry)
    whole = padded(x, in_time)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    total = jnp.zeros((), wide)
    for tap, plane in enumerate(kernel):
        frames = at_tap(whole, (tap, 0, 0), (outputs[0], *x.shape[2:4]), in_time)
        made = lax.conv_general_dilated(
            frames.reshape(-1, *frames.shape[2:]),
            plane,
            in_space.strides,
            in_space.padding,
            rhs_dilation=in_space.dilation,
            feature_group_count=in_space.groups,
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=in_space.precision,
        )
        total = total + made.astype(wide)
    return total.astype(x.dtype).reshape(x.shape[0], *outputs, -1)
