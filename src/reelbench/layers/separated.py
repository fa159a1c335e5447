"""Channel-separated 3-D convolution."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.depthwise_ends import mean_of_windows

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class CSNBlock(nnx.Module):
    """The residual bottleneck of ir-CSN: 1×1×1, each channel alone 3×3×3, 1×1×1.

    Tran et al., "Video Classification with Channel-Separated Convolutional Networks", 2019,
    arXiv:1904.02811 ("interaction-reduced"); PyTorchVideo ``models/csn.py`` with
    ``models/resnet.py``, ``create_bottleneck_block`` (no biases). The shortcut is projected and
    normalised where the block changes the shape.

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the depthwise convolution.
        out_features: Channels of the output.
        kernel_size: Lengths of the depthwise kernel along time, height and width.
        strides: Strides of the depthwise convolution and of the shortcut.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        mid_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int, int] = (3, 3, 3),
        strides: tuple[int, int, int] = (1, 1, 1),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(
            nnx.Conv, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        norm = functools.partial(
            nnx.BatchNorm, momentum=0.9, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.narrow = conv(in_features, mid_features, (1, 1, 1))
        self.narrow_norm = norm(mid_features)
        self.depthwise = conv(
            mid_features,
            mid_features,
            kernel_size,
            strides,
            padding=[(length // 2, length // 2) for length in kernel_size],
            feature_group_count=mid_features,
        )
        self.depthwise_norm = norm(mid_features)
        self.widen = conv(mid_features, out_features, (1, 1, 1))
        self.widen_norm = norm(out_features)
        self.projects = in_features != out_features or strides != (1, 1, 1)
        if self.projects:
            self.shortcut = conv(in_features, out_features, (1, 1, 1), strides, padding="VALID")
            self.shortcut_norm = norm(out_features)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Transform ``x`` and add it to the result."""
        y = jax.nn.relu(self.narrow_norm(self.narrow(x)))
        y = jax.nn.relu(self.depthwise_norm(self.depthwise(y)))
        y = self.widen_norm(self.widen(y))
        shortcut = self.shortcut_norm(self.shortcut(x)) if self.projects else x
        return jax.nn.relu(shortcut + y)


class CSNStem(nnx.Module):
    """The first layer of CSN: a dense 3×7×7 convolution, then the maxima of 1×3×3 windows.

    Tran et al. 2019, arXiv:1904.02811; PyTorchVideo ``models/csn.py``. Both stride by two in space.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = nnx.Conv(
            in_features,
            out_features,
            (3, 7, 7),
            (1, 2, 2),
            padding=[(1, 1), (3, 3), (3, 3)],
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm = nnx.BatchNorm(
            out_features, momentum=0.9, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h4 w4 out_features"]:
        """Convolve ``x`` and keep the maxima."""
        y = jax.nn.relu(self.norm(self.conv(x)))
        return nnx.max_pool(y, (1, 3, 3), (1, 2, 2), padding=((0, 0), (1, 1), (1, 1)))


class CSNHead(nnx.Module):
    """The last layer of CSN: average, then classify.

    Tran et al. 2019, arXiv:1904.02811; PyTorchVideo ``models/head.py``, ``ResNetBasicHead``
    (dropout left out).

    Args:
        in_features: Channels of the input.
        num_classes: Classes.
        pool_size: Window of the average along time, height and width; None for all of the input.
            A larger input gives several windows, whose scores are averaged.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        pool_size: tuple[int, int, int] | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.classify = nnx.Linear(
            in_features, num_classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.pool_size = pool_size

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Score the classes."""
        return jnp.mean(self.classify(mean_of_windows(x, self.pool_size)), axis=(1, 2, 3))
