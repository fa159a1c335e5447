"""Factorised 3-D convolution; stems, bottlenecks and inception blocks stand in `separable`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.separable import (
    R2Plus1DBottleneck,
    R2Plus1DStem,
    SeparableConv3D,
    SepInception,
)

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = [
    "Conv2Plus1D",
    "R2Plus1DBlock",
    "R2Plus1DBottleneck",
    "R2Plus1DStem",
    "SepInception",
    "SeparableConv3D",
]


class Conv2Plus1D(nnx.Module):
    """A 1×3×3 convolution, batch normalisation, ReLU and a 3×1×1 convolution.

    Tran et al., "A Closer Look at Spatiotemporal Convolutions", 2018, arXiv:1711.11248;
    torchvision ``models/video/resnet.py``, ``Conv2Plus1D`` (no biases).

    Args:
        in_features: Channels of the input.
        mid_features: Channels between the two convolutions.
        out_features: Channels of the output.
        strides: Strides along time, height and width.
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
        strides: tuple[int, int, int] = (1, 1, 1),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(
            nnx.Conv, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.spatial = conv(
            in_features,
            mid_features,
            (1, 3, 3),
            (1, *strides[1:]),
            padding=[(0, 0), (1, 1), (1, 1)],
        )
        self.norm = nnx.BatchNorm(
            mid_features, momentum=0.9, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.temporal = conv(
            mid_features,
            out_features,
            (3, 1, 1),
            (strides[0], 1, 1),
            padding=[(1, 1), (0, 0), (0, 0)],
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve ``x`` over space, then over time."""
        return self.temporal(jax.nn.relu(self.norm(self.spatial(x))))


class R2Plus1DBlock(nnx.Module):
    """The residual block of R(2+1)D: two factorised convolutions and a shortcut.

    Tran et al., "A Closer Look at Spatiotemporal Convolutions", 2018, arXiv:1711.11248;
    torchvision ``models/video/resnet.py``, ``BasicBlock`` with ``Conv2Plus1D``. Both convolutions
    have the middle width that gives the first one the parameters of a dense 3×3×3 convolution. The
    shortcut is projected where the block changes the shape.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        strides: Strides of the first convolution and of the shortcut, along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        strides: tuple[int, int, int] = (1, 1, 1),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(Conv2Plus1D, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        norm = functools.partial(
            nnx.BatchNorm,
            out_features,
            momentum=0.9,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        mid_features = (in_features * out_features * 27) // (in_features * 9 + 3 * out_features)
        self.conv1 = conv(in_features, mid_features, out_features, strides=strides)
        self.norm1 = norm()
        self.conv2 = conv(out_features, mid_features, out_features)
        self.norm2 = norm()
        self.projects = strides != (1, 1, 1) or in_features != out_features
        if self.projects:
            self.shortcut = nnx.Conv(
                in_features,
                out_features,
                (1, 1, 1),
                strides,
                padding="VALID",
                use_bias=False,
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )
            self.shortcut_norm = norm()

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Transform ``x`` and add it to the result."""
        y = jax.nn.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        shortcut = self.shortcut_norm(self.shortcut(x)) if self.projects else x
        return jax.nn.relu(y + shortcut)
