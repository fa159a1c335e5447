"""A depthwise 3-D convolution alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class DepthwiseConv3D(nnx.Module):
    """A depthwise 3-D convolution alone, with padding that keeps the shape.

    It is what X3D's and CSN's blocks widen and narrow around: 27 multiplications a value that is
    read and written. Feichtenhofer, "X3D", 2020, arXiv:2004.04730; Tran et al., "Video
    Classification with Channel-Separated Convolutional Networks", 2019, arXiv:1904.02811.

    Args:
        features: Channels, each convolved alone.
        kernel_size: Kernel lengths along time, height and width.
        strides: Strides along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored kernel.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        strides: tuple[int, int, int] = (1, 1, 1),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = nnx.Conv(
            features,
            features,
            kernel_size,
            strides,
            padding=[(length // 2, length // 2) for length in kernel_size],
            feature_group_count=features,
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Convolve each channel of ``x``."""
        return self.conv(x)
