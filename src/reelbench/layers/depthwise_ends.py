"""The first and the last layer of X3D."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float


def mean_of_windows(
    x: Float[Array, "batch t h w features"], window: tuple[int, int, int] | None
) -> Float[Array, "batch t2 h2 w2 features"]:
    """Means over all windows of a shape, one position apart; over everything without a window."""
    if window is None or window == x.shape[1:4]:
        return jnp.mean(x, axis=(1, 2, 3), keepdims=True)
    # Sums of hundreds of terms need more digits than bfloat16 has.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return nnx.avg_pool(wide, window).astype(x.dtype)


class X3DStem(nnx.Module):
    """The first layer of X3D: a convolution over space, then one over time, each channel alone.

    Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", 2020,
    arXiv:2004.04730; PyTorchVideo ``models/x3d.py``, ``create_x3d_stem``. Nothing stands between
    the two convolutions; batch normalisation and ReLU follow them.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width.
        strides: Strides along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int, int] = (5, 3, 3),
        strides: tuple[int, int, int] = (1, 2, 2),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(
            nnx.Conv, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        time, *space = kernel_size
        self.spatial = conv(
            in_features,
            out_features,
            (1, *space),
            (1, *strides[1:]),
            padding=[(0, 0), *((length // 2, length // 2) for length in space)],
        )
        self.temporal = conv(
            out_features,
            out_features,
            (time, 1, 1),
            (strides[0], 1, 1),
            padding=[(time // 2, time // 2), (0, 0), (0, 0)],
            feature_group_count=out_features,
        )
        self.norm = nnx.BatchNorm(
            out_features, momentum=0.9, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve ``x`` over space, then over time."""
        return jax.nn.relu(self.norm(self.temporal(self.spatial(x))))


class X3DHead(nnx.Module):
    """The last layer of X3D: widen, average, widen again, classify.

    Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", 2020,
    arXiv:2004.04730; PyTorchVideo ``models/x3d.py``, ``create_x3d_head`` (no biases but the
    classifier's, no norm after the average, dropout left out).

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the average.
        head_features: Channels that the classifier sees.
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
        mid_features: int,
        head_features: int,
        num_classes: int,
        *,
        pool_size: tuple[int, int, int] | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = functools.partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.widen = linear(in_features, mid_features, use_bias=False)
        self.norm = nnx.BatchNorm(
            mid_features, momentum=0.9, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.project = linear(mid_features, head_features, use_bias=False)
        self.classify = linear(head_features, num_classes)
        self.pool_size = pool_size

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Score the classes."""
        y = jax.nn.relu(self.norm(self.widen(x)))
        y = jax.nn.relu(self.project(mean_of_windows(y, self.pool_size)))
        return jnp.mean(self.classify(y), axis=(1, 2, 3))
