"""Lift-Splat-Shoot's network on the map of the ground."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.convnorm import ConvNorm, upsample_bilinear

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class GroundStem(ConvNorm):
    """The first layer on the map of the ground: a 7×7 convolution of stride 2, batch norm, ReLU.

    Philion and Fidler, "Lift, Splat, Shoot", 2020, arXiv:2008.05711; nv-tlabs/lift-splat-shoot
    ``src/models.py``, ``BevEncode``.

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
            kernel_size=(7, 7),
            strides=(2, 2),
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )


class BasicBlock2D(nnx.Module):
    """The residual block of ResNet-18: two 3×3 convolutions and a shortcut.

    The scale of the second norm starts at zero. He et al., "Deep Residual Learning for Image
    Recognition", 2015, arXiv:1512.03385; torchvision ``models/resnet.py``, ``BasicBlock``, with
    ``zero_init_residual`` as nv-tlabs/lift-splat-shoot ``src/models.py``, ``BevEncode``, has it.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
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
        strides: tuple[int, int] = (1, 1),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(ConvNorm, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv1 = conv(in_features, out_features, strides=strides)
        self.conv2 = conv(out_features, out_features, activation="none", zero_scale=True)
        self.projects = in_features != out_features or strides != (1, 1)
        if self.projects:
            self.shortcut = conv(
                in_features, out_features, kernel_size=(1, 1), strides=strides, activation="none"
            )

    def __call__(
        self, x: Float[Array, "*leading h w in_features"]
    ) -> Float[Array, "*leading h2 w2 out_features"]:
        """Transform ``x`` and add it to the result."""
        shortcut = self.shortcut(x) if self.projects else x
        return jax.nn.relu(self.conv2(self.conv1(x)) + shortcut)


class GroundHead(nnx.Module):
    """Doubles the map of the ground, convolves it and gives each cell its outputs.

    Philion and Fidler, "Lift, Splat, Shoot", 2020, arXiv:2008.05711; nv-tlabs/lift-splat-shoot
    ``src/models.py``, ``BevEncode.up2``.

    Args:
        in_features: Channels of the input.
        mid_features: Channels of the 3×3 convolution.
        out_features: Outputs of a cell.
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
        self.conv = ConvNorm(
            in_features, mid_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.out = nnx.Conv(
            mid_features, out_features, (1, 1), dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch x y in_features"]
    ) -> Float[Array, "batch x2 y2 out_features"]:
        """The outputs of each cell."""
        return self.out(self.conv(upsample_bilinear(x, 2)))
