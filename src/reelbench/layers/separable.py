"""Layers of two convolutions, one over space and one over time, with batch normalisation."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.residual import ConvNorm, Residual

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class R2Plus1DStem(nnx.Module):
    """The first layer of R(2+1)D: a strided 1×7×7 convolution, then a 3×1×1 convolution.

    Tran et al., "A Closer Look at Spatiotemporal Convolutions", 2018, arXiv:1711.11248;
    torchvision ``models/video/resnet.py``, ``R2Plus1dStem``. Both are normalised and followed by
    ReLU.

    Args:
        in_features: Channels of the input.
        mid_features: Channels between the two convolutions.
        out_features: Channels of the output.
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
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(ConvNorm, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.spatial = conv(in_features, mid_features, kernel_size=(1, 7, 7), strides=(1, 2, 2))
        self.temporal = conv(mid_features, out_features, kernel_size=(3, 1, 1))

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h2 w2 out_features"]:
        """Convolve ``x`` over space, then over time."""
        return self.temporal(self.spatial(x))


class R2Plus1DBottleneck(Residual):
    """The residual block of R(2+1)D-50: narrow, convolve over time, over space, widen.

    PyTorchVideo ``models/r2plus1d.py``, ``create_2plus1d_bottleneck_block``. Unlike in the paper,
    time comes before space and the width between the two is that of the bottleneck.

    Args:
        in_features: Channels of the input.
        mid_features: Channels between the convolutions.
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
        convolutions = (
            (mid_features, (1, 1, 1), (1, 1, 1)),
            (mid_features, (3, 1, 1), (strides[0], 1, 1)),
            (mid_features, (1, 3, 3), (1, *strides[1:])),
            (out_features, (1, 1, 1), (1, 1, 1)),
        )
        super().__init__(in_features, convolutions, dtype=dtype, param_dtype=param_dtype, rngs=rngs)


class SeparableConv3D(nnx.Module):
    """A convolution over space and one over time, each normalised and followed by ReLU.

    Xie et al., "Rethinking Spatiotemporal Feature Learning", 2018, arXiv:1712.04851; torchvision
    ``models/video/s3d.py``, ``TemporalSeparableConv``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output, and between the two convolutions.
        kernel_length: Length of both kernels along each of their axes.
        stride: Stride along time, height and width.
        epsilon: Added to the variance of the batch normalisation.
        momentum: Share of the running statistics that a training step keeps.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_length: int = 3,
        stride: int = 1,
        epsilon: float = 1e-3,
        momentum: float = 0.999,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(
            ConvNorm,
            epsilon=epsilon,
            momentum=momentum,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.spatial = conv(
            in_features,
            out_features,
            kernel_size=(1, kernel_length, kernel_length),
            strides=(1, stride, stride),
        )
        self.temporal = conv(
            out_features,
            out_features,
            kernel_size=(kernel_length, 1, 1),
            strides=(stride, 1, 1),
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve ``x`` over space, then over time."""
        return self.temporal(self.spatial(x))


class SepInception(nnx.Module):
    """The inception block of S3D: four branches whose channels are appended.

    Xie et al., "Rethinking Spatiotemporal Feature Learning", 2018, arXiv:1712.04851; torchvision
    ``models/video/s3d.py``, ``SepInceptionBlock3D``. The branches are a 1×1×1 convolution; twice a
    1×1×1 convolution and a separable one of length 3; a 3×3×3 max pooling and a 1×1×1 convolution.

    Args:
        in_features: Channels of the input.
        point_features: Channels of the first branch.
        first_features: Channels of the two layers of the second branch.
        second_features: Channels of the two layers of the third branch.
        pool_features: Channels of the branch that pools.
        epsilon: Added to the variance of the batch normalisation.
        momentum: Share of the running statistics that a training step keeps.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        point_features: int,
        first_features: tuple[int, int],
        second_features: tuple[int, int],
        pool_features: int,
        *,
        epsilon: float = 1e-3,
        momentum: float = 0.999,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        options: dict[str, Any] = {
            "epsilon": epsilon,
            "momentum": momentum,
            "dtype": dtype,
            "param_dtype": param_dtype,
            "rngs": rngs,
        }
        point: Any = functools.partial(ConvNorm, in_features, kernel_size=(1, 1, 1), **options)
        separable: Any = functools.partial(SeparableConv3D, kernel_length=3, **options)
        self.point = point(point_features)
        self.first_point = point(first_features[0])
        self.first = separable(*first_features)
        self.second_point = point(second_features[0])
        self.second = separable(*second_features)
        self.pool_point = point(pool_features)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Run the branches on ``x`` and append their channels."""
        pooled = nnx.max_pool(x, (3, 3, 3), (1, 1, 1), [(1, 1)] * 3)
        branches = [
            self.point(x),
            self.first(self.first_point(x)),
            self.second(self.second_point(x)),
            self.pool_point(pooled),
        ]
        return jnp.concatenate(branches, axis=-1)
