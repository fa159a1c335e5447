"""Blocks of the MAGVIT 3D-VQ tokenizer.

Yu et al., "MAGVIT: Masked Generative Video Transformer", 2023, arXiv:2212.05199;
google-research/magvit ``videogvt/models/enc_dec_3dcnn.py``. Convolutions are padded with zeros on
all sides: nothing here is causal.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.shuffle import Factors, enlarge
from reelbench.layers.vae_residual import ResidualBlock

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class MagvitConv3D(nnx.Module):
    """A 3×3×3 convolution that keeps the shape.

    google-research/magvit ``videogvt/models/enc_dec_3dcnn.py``, start of ``Encoder`` (no bias) and
    of ``Decoder``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        use_bias: Whether a bias is added.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        use_bias: bool,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = nnx.Conv(
            in_features,
            out_features,
            (3, 3, 3),
            use_bias=use_bias,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Convolve ``x``."""
        return self.conv(x)


class MagvitResidualBlock(ResidualBlock):
    """Group norm, SiLU, 3×3×3 convolution without bias, twice, and a shortcut.

    google-research/magvit ``videogvt/models/enc_dec_3dcnn.py``, ``ResBlock``, with the activation
    and the norm of ``videogvt/configs/vqgan2d_ucf101_config.py``. A 1×1×1 convolution projects the
    shortcut where the number of channels changes.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        groups: Groups of channels that are normalised together.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        groups: int = 32,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        conv = functools.partial(nnx.Conv, use_bias=False, **kinds)
        super().__init__(
            in_features,
            out_features,
            norm=functools.partial(nnx.GroupNorm, num_groups=groups, epsilon=1e-6, **kinds),
            conv=functools.partial(conv, kernel_size=(3, 3, 3)),
            project=functools.partial(conv, kernel_size=(1, 1, 1)),
        )


class MagvitUpsample(nnx.Module):
    """Nearest-neighbour interpolation and a 3×3×3 convolution.

    google-research/magvit ``videogvt/models/enc_dec_3dcnn.py``, ``Decoder``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        factors: Factors along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        factors: Factors,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.factors = factors
        self.conv = nnx.Conv(
            in_features, out_features, (3, 3, 3), dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Enlarge ``x``."""
        return self.conv(enlarge(x, self.factors))


class MagvitHead(nnx.Module):
    """The end of an encoder or a decoder: group norm, SiLU, convolution.

    google-research/magvit ``videogvt/models/enc_dec_3dcnn.py``, end of ``Encoder`` (1×1×1) and of
    ``Decoder`` (3×3×3).

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width.
        groups: Groups of channels that are normalised together.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: Factors = (3, 3, 3),
        groups: int = 32,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.GroupNorm(
            in_features, groups, epsilon=1e-6, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.conv = nnx.Conv(
            in_features, out_features, kernel_size, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Turn features into what is quantised, or into pixels."""
        return self.conv(jax.nn.silu(self.norm(x)))


def average(x: Float[Array, "batch t h w c"], factors: Factors) -> Float[Array, "batch t2 h2 w2 c"]:
    """Mean of every patch: how the encoder shrinks."""
    split = [n for length, f in zip(x.shape[1:4], factors, strict=True) for n in (length // f, f)]
    return x.reshape(x.shape[0], *split, x.shape[-1]).mean(axis=(2, 4, 6))
