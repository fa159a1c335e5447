"""What a BiFPN is made of: projections, pooling, separable convolutions and weighted means."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.convnorm import resize_nearest

if TYPE_CHECKING:
    from jaxtyping import Array, Float

# Of every batch norm of the network.
_EPSILON, _MOMENTUM = 1e-3, 0.99
# Keeps the sum of the fusion weights from zero.
_LEAST_SUM = 1e-4


class Projection(nnx.Module):
    """A 1×1 convolution with a bias, and batch normalisation.

    Args:
        in_features: Channels of the input.
        features: Channels of the output.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = nnx.Conv(
            in_features, features, (1, 1), dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.norm = nnx.BatchNorm(
            features,
            momentum=_MOMENTUM,
            epsilon=_EPSILON,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "*leading h w in_features"]
    ) -> Float[Array, "*leading h w features"]:
        """Change the channels of ``x``."""
        return self.norm(self.conv(x))


class SeparableConv(nnx.Module):
    """A 3×3 convolution of each channel alone, then a 1×1 convolution with a bias.

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
        conv = partial(nnx.Conv, in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.depthwise = conv(in_features, (3, 3), feature_group_count=in_features, use_bias=False)
        self.pointwise = conv(out_features, (1, 1))

    def __call__(
        self, x: Float[Array, "*leading h w in_features"]
    ) -> Float[Array, "*leading h w out_features"]:
        """Convolve ``x``."""
        return self.pointwise(self.depthwise(x))


class Fusion(nnx.Module):
    """The weighted mean of feature maps brought to one size and width; swish; a convolution.

    Weights are learned, kept from below zero and divided by their sum ("fast normalised fusion").

    Args:
        in_features: Channels of each input.
        features: Channels of the output.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: tuple[int, ...],
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.projections = nnx.Dict(
            {
                str(place): Projection(
                    width, features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
                )
                for place, width in enumerate(in_features)
                if width != features
            }
        )
        self.weights = nnx.Param(jnp.ones((len(in_features),), param_dtype))
        self.conv = SeparableConv(
            features, features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.norm = nnx.BatchNorm(
            features,
            momentum=_MOMENTUM,
            epsilon=_EPSILON,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, *inputs: Float[Array, "*leading _h _w _features"]
    ) -> Float[Array, "*leading h w features"]:
        """Fuse the inputs; the first has the size of the output."""
        height, width = inputs[0].shape[-3:-1]
        weights = jax.nn.relu(self.weights[...])
        weights = weights / (jnp.sum(weights) + _LEAST_SUM)
        total = jnp.zeros((), inputs[0].dtype)
        for place, x in enumerate(inputs):
            if str(place) in self.projections:
                x = self.projections[str(place)](x)
            if x.shape[-3] > height:
                x = halve(x)
            elif x.shape[-3] < height:
                x = resize_nearest(x, height, width)
            total = total + weights[place].astype(x.dtype) * x
        return self.norm(self.conv(jax.nn.silu(total)))


def halve(x: Float[Array, "*leading h w features"]) -> Float[Array, "*leading h2 w2 features"]:
    """Max-pool with 3×3 windows and stride 2, padded as TensorFlow pads."""
    return nnx.max_pool(x, (3, 3), (2, 2), "SAME")
