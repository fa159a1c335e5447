"""Depthwise 3-D convolution."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.depthwise_ends import X3DHead, X3DStem

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = ["SqueezeExcitation", "X3DBlock", "X3DHead", "X3DStem", "round_width"]


def round_width(width: int, multiplier: float, divisor: int = 8) -> int:
    """``width`` times ``multiplier``, rounded to a multiple of ``divisor`` as X3D rounds widths.

    Never below ``divisor``, and never more than a tenth below the product. PyTorchVideo
    ``layers/utils.py``, ``round_width``.
    """
    scaled = width * multiplier
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded


class SqueezeExcitation(nnx.Module):
    """Scales each channel by a gate computed from the means of all channels.

    Hu et al., "Squeeze-and-Excitation Networks", 2018, arXiv:1709.01507; fvcore
    ``nn/squeeze_excitation.py``.

    Args:
        features: Channels of the input and the output.
        reduced_features: Channels between the two projections.
        activation: Function between the two projections.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        reduced_features: int,
        *,
        activation: Callable[[jax.Array], jax.Array] = jax.nn.relu,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = functools.partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.reduce = linear(features, reduced_features)
        self.expand = linear(reduced_features, features)
        self.activation = activation

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w features"]:
        """Gate the channels of ``x``."""
        mean = jnp.mean(x, axis=(1, 2, 3), keepdims=True)
        return x * jax.nn.sigmoid(self.expand(self.activation(self.reduce(mean))))


class X3DBlock(nnx.Module):
    """The residual bottleneck of X3D: widen, convolve each channel alone, narrow.

    Feichtenhofer, "X3D: Expanding Architectures for Efficient Video Recognition", 2020,
    arXiv:2004.04730; PyTorchVideo ``models/x3d.py``, ``create_x3d_res_block`` (no biases but in the
    squeeze-and-excitation). A shortcut that strides is projected; the projection is normalised only
    where it changes the number of channels, as published.

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the depthwise convolution.
        out_features: Channels of the output.
        kernel_size: Lengths of the depthwise kernel along time, height and width.
        strides: Strides of the depthwise convolution and of the shortcut.
        se_ratio: Width of the squeeze relative to ``mid_features``, before rounding; 0 for a block
            without squeeze-and-excitation.
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
        se_ratio: float = 1 / 16,
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
        self.widen = conv(in_features, mid_features, (1, 1, 1))
        self.widen_norm = norm(mid_features)
        self.depthwise = conv(
            mid_features,
            mid_features,
            kernel_size,
            strides,
            padding=[(length // 2, length // 2) for length in kernel_size],
            feature_group_count=mid_features,
        )
        self.depthwise_norm = norm(mid_features)
        self.squeezes = se_ratio > 0
        if self.squeezes:
            self.squeeze_excitation = SqueezeExcitation(
                mid_features,
                round_width(mid_features, se_ratio),
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )
        self.narrow = conv(mid_features, out_features, (1, 1, 1))
        self.narrow_norm = norm(out_features)
        self.widens = in_features != out_features
        self.projects = self.widens or strides != (1, 1, 1)
        if self.projects:
            self.shortcut = conv(in_features, out_features, (1, 1, 1), strides, padding="VALID")
        if self.widens:
            self.shortcut_norm = norm(out_features)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Transform ``x`` and add it to the result."""
        y = jax.nn.relu(self.widen_norm(self.widen(x)))
        y = self.depthwise_norm(self.depthwise(y))
        if self.squeezes:
            y = self.squeeze_excitation(y)
        y = self.narrow_norm(self.narrow(jax.nn.silu(y)))
        shortcut = self.shortcut(x) if self.projects else x
        if self.widens:
            shortcut = self.shortcut_norm(shortcut)
        return jax.nn.relu(shortcut + y)
