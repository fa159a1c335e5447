"""What residual 3-D CNNs are built of: normalised convolutions, and chains of them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class ConvNorm(nnx.Module):
    """A convolution without bias, batch normalisation and, unless told otherwise, ReLU.

    He et al., "Deep Residual Learning for Image Recognition", 2016, arXiv:1512.03385. The padding
    is half the kernel on both sides. A kernel of two lengths convolves each frame alone.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width, or along height and width.
        strides: Strides along the same axes; 1 by default.
        relu: Whether a ReLU follows the normalisation.
        epsilon: Added to the variance.
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
        kernel_size: tuple[int, ...],
        strides: tuple[int, ...] | None = None,
        relu: bool = True,
        epsilon: float = 1e-5,
        momentum: float = 0.9,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            strides or (1,) * len(kernel_size),
            padding=[(length // 2, length // 2) for length in kernel_size],
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm = nnx.BatchNorm(
            out_features,
            momentum=momentum,
            epsilon=epsilon,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.relu = relu

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve ``x`` and normalise the result."""
        x = self.norm(self.conv(x))
        return jax.nn.relu(x) if self.relu else x


class Residual(nnx.Module):
    """A chain of convolutions added to a shortcut, then ReLU.

    He et al. 2016, arXiv:1512.03385. Each convolution is normalised; all but the last end in a
    ReLU. The shortcut is projected, and normalised, where the chain changes the shape.

    Args:
        in_features: Channels of the input.
        convolutions: Output channels, kernel lengths and strides of each convolution.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        convolutions: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(ConvNorm, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        branch, features, total = [], in_features, (1,) * len(convolutions[0][1])
        for index, (out_features, kernel_size, strides) in enumerate(convolutions):
            relu = index + 1 < len(convolutions)
            branch.append(
                conv(features, out_features, kernel_size=kernel_size, strides=strides, relu=relu)
            )
            features, total = out_features, tuple(map(int.__mul__, total, strides))
        self.branch = nnx.List(branch)
        self.projects = features != in_features or max(total) > 1
        if self.projects:
            kernel_size = (1,) * len(total)
            self.shortcut = conv(
                in_features, features, kernel_size=kernel_size, strides=total, relu=False
            )

    def transform(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """The chain of convolutions alone."""
        for layer in self.branch:
            x = layer(x)
        return x

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Transform ``x`` and add it to the result."""
        shortcut = self.shortcut(x) if self.projects else x
        return jax.nn.relu(self.transform(x) + shortcut)


class BasicBlock(Residual):
    """The residual block of R3D and MC3: two convolutions.

    Tran et al., "A Closer Look at Spatiotemporal Convolutions", 2018, arXiv:1711.11248;
    torchvision ``models/video/resnet.py``, ``BasicBlock`` with ``Conv3DSimple`` or
    ``Conv3DNoTemporal``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width: 3×3×3 in R3D and the first stage
            of MC3, 1×3×3 in the later stages of MC3.
        strides: Strides of the first convolution and of the shortcut.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
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
        convolutions = (
            (out_features, kernel_size, strides),
            (out_features, kernel_size, (1, 1, 1)),
        )
        super().__init__(in_features, convolutions, dtype=dtype, param_dtype=param_dtype, rngs=rngs)


class Bottleneck(Residual):
    """The residual block of C2D, I3D, Slow and SlowFast: narrow, convolve, widen.

    Feichtenhofer et al., "SlowFast Networks for Video Recognition", 2019, arXiv:1812.03982;
    PyTorchVideo ``models/resnet.py``, ``create_bottleneck_block`` and ``create_res_block``. The
    first convolution is 1×1×1 or 3×1×1 and strides along time, the second is 1×3×3 and strides
    along space, the third is 1×1×1.

    Args:
        in_features: Channels of the input.
        mid_features: Channels between the convolutions.
        out_features: Channels of the output.
        temporal_kernel: Length of the first kernel along time.
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
        temporal_kernel: int = 1,
        strides: tuple[int, int, int] = (1, 1, 1),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        convolutions = (
            (mid_features, (temporal_kernel, 1, 1), (strides[0], 1, 1)),
            (mid_features, (1, 3, 3), (1, *strides[1:])),
            (out_features, (1, 1, 1), (1, 1, 1)),
        )
        super().__init__(in_features, convolutions, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
