"""RegNet: image networks whose widths and depths follow one linear rule."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.convnorm import Classifier, ConvNorm, SqueezeExcitation2D

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class RegNetStem(ConvNorm):
    """The first layer of RegNet: a 3×3 convolution of stride 2, batch norm and ReLU.

    Radosavovic et al., "Designing Network Design Spaces", 2020, arXiv:2003.13678; torchvision
    ``models/regnet.py``, ``SimpleStemIN``.

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
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )


class RegNetBlock(nnx.Module):
    """The residual block of RegNet: 1×1, grouped 3×3, a gate on the channels in RegNetY, 1×1.

    Radosavovic et al., "Designing Network Design Spaces", 2020, arXiv:2003.13678; torchvision
    ``models/regnet.py``, ``ResBottleneckBlock`` with a bottleneck as wide as the output. The
    squeeze is a share of the block's *input*. A block that changes the shape projects its shortcut.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output and of the grouped convolution.
        group_width: Channels of a group.
        strides: Strides of the grouped convolution and of the shortcut.
        se_ratio: Width of the squeeze relative to ``in_features``; 0 (RegNetX) for none.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        group_width: int,
        strides: tuple[int, int] = (1, 1),
        se_ratio: float = 0.25,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(ConvNorm, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.widen = conv(in_features, out_features, kernel_size=(1, 1))
        self.grouped = conv(
            out_features, out_features, strides=strides, groups=out_features // group_width
        )
        self.gates = se_ratio > 0
        if self.gates:
            self.squeeze_excitation = SqueezeExcitation2D(
                out_features,
                round(se_ratio * in_features),
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )
        self.mix = conv(out_features, out_features, kernel_size=(1, 1), activation="none")
        self.projects = in_features != out_features or strides != (1, 1)
        if self.projects:
            self.shortcut = conv(
                in_features, out_features, kernel_size=(1, 1), strides=strides, activation="none"
            )

    def __call__(
        self, x: Float[Array, "batch cameras h w in_features"]
    ) -> Float[Array, "batch cameras h2 w2 out_features"]:
        """Transform the images of ``x`` and add them to the result."""
        y = self.grouped(self.widen(x))
        if self.gates:
            y = self.squeeze_excitation(y)
        y = self.mix(y)
        return jax.nn.relu((self.shortcut(x) if self.projects else x) + y)


class RegNetHead(Classifier):
    """The head of RegNet: the mean over the pixels and a linear map.

    Radosavovic et al., "Designing Network Design Spaces", 2020, arXiv:2003.13678; torchvision
    ``models/regnet.py``, ``RegNet``.
    """
