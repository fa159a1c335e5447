"""What the image networks share: normalised convolutions and resizing, over any leading axes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Activation = Literal["relu", "silu", "none"]
Padding = Literal["half", "SAME"]

_FUNCTIONS = {"relu": jax.nn.relu, "silu": jax.nn.silu, "none": lambda x: x}


class ConvNorm(nnx.Module):
    """A 2-D convolution without bias, batch normalisation and an activation.

    He et al., "Deep Residual Learning for Image Recognition", 2015, arXiv:1512.03385; torchvision
    ``ops/misc.py``, ``Conv2dNormActivation``. Statistics are taken over all leading axes.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along height and width.
        strides: Strides along height and width.
        groups: Into how many groups the channels fall, each convolved alone.
        activation: What follows the norm.
        padding: ``"half"`` pads half the kernel on every side; ``"SAME"`` as TensorFlow pads, more
            on the right and below.
        epsilon: Added to the variance.
        momentum: Share of the running statistics that a step keeps.
        zero_scale: Whether the norm's scale starts at zero, so that a residual branch adds nothing.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int] = (3, 3),
        strides: tuple[int, int] = (1, 1),
        groups: int = 1,
        activation: Activation = "relu",
        padding: Padding = "half",
        epsilon: float = 1e-5,
        momentum: float = 0.9,
        zero_scale: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.activation = activation
        half = [(length // 2, length // 2) for length in kernel_size]
        self.conv = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            strides,
            padding=half if padding == "half" else padding,
            feature_group_count=groups,
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        initial = nnx.initializers.zeros_init() if zero_scale else nnx.initializers.ones_init()
        self.norm = nnx.BatchNorm(
            out_features,
            momentum=momentum,
            epsilon=epsilon,
            scale_init=initial,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "*leading h w in_features"]
    ) -> Float[Array, "*leading h2 w2 out_features"]:
        """Convolve ``x``."""
        return _FUNCTIONS[self.activation](self.norm(self.conv(x)))


class SqueezeExcitation2D(nnx.Module):
    """Scales each channel of an image by a gate computed from the means of all its channels.

    Hu et al., "Squeeze-and-Excitation Networks", 2018, arXiv:1709.01507; torchvision
    ``ops/misc.py``, ``SqueezeExcitation``.

    Args:
        features: Channels of the input and the output.
        reduced_features: Channels between the two projections.
        activation: What follows the first projection.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        reduced_features: int,
        *,
        activation: Activation = "relu",
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.activation = activation
        self.reduce = linear(features, reduced_features)
        self.expand = linear(reduced_features, features)

    def __call__(
        self, x: Float[Array, "*leading h w features"]
    ) -> Float[Array, "*leading h w features"]:
        """Gate the channels of ``x``."""
        mean = jnp.mean(x, axis=(-3, -2), keepdims=True)
        return x * jax.nn.sigmoid(self.expand(_FUNCTIONS[self.activation](self.reduce(mean))))


class Classifier(nnx.Module):
    """The mean over an image's pixels, and a linear map to classes.

    Args:
        in_features: Channels of the input.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.linear = nnx.Linear(
            in_features, num_classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "*leading h w in_features"]
    ) -> Float[Array, "*leading classes"]:
        """Classify each image of ``x``."""
        return self.linear(jnp.mean(x, axis=(-3, -2)))


def resize_nearest(
    x: Float[Array, "*leading h w features"], height: int, width: int
) -> Float[Array, "*leading height width features"]:
    """Repeat pixels until the image has a size: TensorFlow's ``resize_nearest_neighbor``."""
    rows = jnp.arange(height) * x.shape[-3] // height
    columns = jnp.arange(width) * x.shape[-2] // width
    return jnp.take(jnp.take(x, rows, axis=-3), columns, axis=-2)


def upsample_bilinear(
    x: Float[Array, "*leading h w features"], factor: int
) -> Float[Array, "*leading h2 w2 features"]:
    """Enlarge an image by a factor; the centres of its corner pixels stay at the corners.

    PyTorch's ``Upsample(mode="bilinear", align_corners=True)``.
    """
    return _stretch(_stretch(x, -3, factor), -2, factor)


def _stretch(
    x: Float[Array, "*axes features"], axis: int, factor: int
) -> Float[Array, "*axes2 features"]:
    """Interpolate along one axis, in float32 at least."""
    length = x.shape[axis]
    wide = jnp.promote_types(x.dtype, jnp.float32)
    last = max(factor * length - 1, 1)
    # In whole numbers, so that a position on a pixel is exactly there.
    steps = jnp.arange(factor * length) * (length - 1)
    low = steps // last
    share = (steps % last).astype(wide) / last
    share = share.reshape(-1, *[1] * (-axis - 1))
    below = jnp.take(x, low, axis=axis).astype(wide)
    above = jnp.take(x, jnp.minimum(low + 1, length - 1), axis=axis).astype(wide)
    return (below + share * (above - below)).astype(x.dtype)
