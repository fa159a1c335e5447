"""Dense 3-D convolution; the residual blocks of this family stand in `residual`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.maxpool import MaxPool3D
from reelbench.layers.residual import BasicBlock, Bottleneck, ConvNorm

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = [
    "BasicBlock",
    "Bottleneck",
    "Conv3D",
    "ConvNorm",
    "ConvStem",
    "LateralFusion",
    "MaxPool3D",
]


class Conv3D(nnx.Module):
    """A 3×3×3 convolution with padding that keeps the shape, as in R3D's residual blocks.

    Tran et al., "A Closer Look at Spatiotemporal Convolutions", 2018, arXiv:1711.11248;
    torchvision ``models/video/resnet.py``, ``Conv3DSimple`` (no bias).

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width.
        strides: Strides along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored kernel.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        strides: tuple[int, int, int] = (1, 1, 1),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            strides,
            padding=[(length // 2, length // 2) for length in kernel_size],
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve ``x``."""
        return self.conv(x)


class ConvStem(nnx.Module):
    """The first layer of a residual CNN: a strided convolution, and in some a max pooling.

    The convolution is normalised and followed by ReLU. The pooling takes the largest of 3×3
    positions of a frame and strides by 2. torchvision ``models/video/resnet.py``, ``BasicStem``
    (no pooling); PyTorchVideo ``models/stem.py``, ``create_res_basic_stem``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width, or along height and width.
        strides: Strides of the convolution along the same axes.
        pool: Whether the pooling follows.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, ...] = (3, 7, 7),
        strides: tuple[int, ...] = (1, 2, 2),
        pool: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = ConvNorm(
            in_features,
            out_features,
            kernel_size=kernel_size,
            strides=strides,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.pool = pool

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve and pool ``x``."""
        x = self.conv(x)
        return nnx.max_pool(x, (1, 3, 3), (1, 2, 2), [(0, 0), (1, 1), (1, 1)]) if self.pool else x


class LateralFusion(nnx.Module):
    """The connection from SlowFast's fast pathway to its slow one.

    Feichtenhofer et al., "SlowFast Networks for Video Recognition", 2019, arXiv:1812.03982;
    PyTorchVideo ``models/slowfast.py``, ``FuseFastToSlow``. A convolution along time brings the
    fast pathway to the frames of the slow one; normalised and after a ReLU, its channels are
    appended to those of the slow pathway.

    Args:
        in_features: Channels of the fast pathway.
        out_features: Channels appended to the slow pathway.
        temporal_kernel: Length of the kernel.
        temporal_stride: Frames of the fast pathway for each frame of the slow one.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        temporal_kernel: int = 7,
        temporal_stride: int = 4,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = ConvNorm(
            in_features,
            out_features,
            kernel_size=(temporal_kernel, 1, 1),
            strides=(temporal_stride, 1, 1),
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self,
        slow: Float[Array, "batch t h w slow_features"],
        fast: Float[Array, "batch fast_t h w in_features"],
    ) -> Float[Array, "batch t h w slow_features+out_features"]:
        """The slow pathway with what it takes from the fast one."""
        return jnp.concatenate([slow, self.conv(fast)], axis=-1)
