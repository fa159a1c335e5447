"""Mobile inverted bottlenecks: the image network EfficientNet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.convnorm import Classifier, ConvNorm, SqueezeExcitation2D

if TYPE_CHECKING:
    from jaxtyping import Array, Float

# Of every batch norm of the network.
_EPSILON, _MOMENTUM = 1e-3, 0.99


class MBConvStem(ConvNorm):
    """The first layer of EfficientNet: a 3×3 convolution of stride 2, batch norm and swish.

    Tan and Le, "EfficientNet", 2019, arXiv:1905.11946; lukemelas/EfficientNet-PyTorch
    ``efficientnet_pytorch/model.py``. Padded as TensorFlow pads.

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
        super().__init__(
            in_features,
            out_features,
            strides=(2, 2),
            activation="silu",
            padding="SAME",
            epsilon=_EPSILON,
            momentum=_MOMENTUM,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )


class MBConv(nnx.Module):
    """The block of EfficientNet: widen, convolve each channel alone, gate the channels, narrow.

    Tan and Le, "EfficientNet", 2019, arXiv:1905.11946; lukemelas/EfficientNet-PyTorch
    ``efficientnet_pytorch/model.py``, ``MBConvBlock``, without its stochastic depth. The input is
    added where the block keeps its shape.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        expand_ratio: How many times wider the middle is than the input; at 1 it is not widened.
        kernel_size: Length of the depthwise kernel along height and width.
        strides: Strides of the depthwise convolution.
        se_ratio: Width of the squeeze relative to ``in_features``.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        expand_ratio: int = 6,
        kernel_size: int = 3,
        strides: tuple[int, int] = (1, 1),
        se_ratio: float = 0.25,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(
            ConvNorm,
            padding="SAME",
            epsilon=_EPSILON,
            momentum=_MOMENTUM,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        mid_features = expand_ratio * in_features
        self.widens = expand_ratio != 1
        if self.widens:
            self.widen = conv(in_features, mid_features, kernel_size=(1, 1), activation="silu")
        self.depthwise = conv(
            mid_features,
            mid_features,
            kernel_size=(kernel_size, kernel_size),
            strides=strides,
            groups=mid_features,
            activation="silu",
        )
        self.squeeze_excitation = SqueezeExcitation2D(
            mid_features,
            max(1, int(in_features * se_ratio)),
            activation="silu",
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.narrow = conv(mid_features, out_features, kernel_size=(1, 1), activation="none")
        self.adds = in_features == out_features and strides == (1, 1)

    def __call__(
        self, x: Float[Array, "batch cameras h w in_features"]
    ) -> Float[Array, "batch cameras h2 w2 out_features"]:
        """Transform the images of ``x``."""
        y = self.widen(x) if self.widens else x
        y = self.narrow(self.squeeze_excitation(self.depthwise(y)))
        return x + y if self.adds else y


class MBConvHead(nnx.Module):
    """The head of EfficientNet: a 1×1 convolution, batch norm, swish, mean and linear map.

    Tan and Le, "EfficientNet", 2019, arXiv:1905.11946; lukemelas/EfficientNet-PyTorch
    ``efficientnet_pytorch/model.py``, without its dropout.

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the convolution.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        mid_features: int,
        num_classes: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.widen = ConvNorm(
            in_features,
            mid_features,
            kernel_size=(1, 1),
            activation="silu",
            epsilon=_EPSILON,
            momentum=_MOMENTUM,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.classifier = Classifier(
            mid_features, num_classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch cameras h w in_features"]
    ) -> Float[Array, "batch cameras classes"]:
        """Classify each image."""
        return self.classifier(self.widen(x))
