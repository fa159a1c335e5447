"""Blocks of the LTX-Video autoencoder.

HaCohen et al., "LTX-Video: Realtime Video Latent Diffusion", 2024, arXiv:2501.00103; diffusers
``models/autoencoders/autoencoder_kl_ltx.py``. The encoder is causal, the decoder is not.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.shuffle import Factors, depth_to_space

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class LTXConv3D(nnx.Module):
    """A 3-D convolution of a clip that is continued by its first frame, or first and last.

    diffusers ``autoencoder_kl_ltx.py``, ``LTXCausalConv3d``. Around the frames stand zeros.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        kernel_size: Kernel lengths along time, height and width.
        strides: Strides along time, height and width.
        causal: Whether an output frame sees no later input frame.
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
        causal: bool = True,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        past = kernel_size[0] - 1
        self.beyond = (past, 0) if causal else (past // 2, past // 2)
        self.conv = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            strides,
            padding=[(0, 0), *((length // 2, length // 2) for length in kernel_size[1:])],
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Convolve ``x``."""
        return self.conv(jnp.pad(x, [(0, 0), self.beyond, (0, 0), (0, 0), (0, 0)], mode="edge"))


class LTXResidualBlock(nnx.Module):
    """RMS-norm of each position, SiLU, 3×3×3 convolution, twice, and a shortcut.

    diffusers ``autoencoder_kl_ltx.py``, ``LTXResnetBlock3d``, without the noise and the diffusion
    step of later releases. The norms have no parameters. Where the number of channels changes, a
    LayerNorm and a 1×1×1 convolution project the shortcut.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        causal: Whether an output frame sees no later input frame.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        causal: bool = True,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = functools.partial(
            LTXConv3D, causal=causal, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        norm = functools.partial(nnx.RMSNorm, epsilon=1e-8, use_scale=False, dtype=dtype, rngs=rngs)
        self.norm1 = norm(in_features)
        self.conv1 = conv(in_features, out_features)
        self.norm2 = norm(out_features)
        self.conv2 = conv(out_features, out_features)
        self.projects = in_features != out_features
        if self.projects:
            self.norm3 = nnx.LayerNorm(
                in_features, epsilon=1e-6, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )
            self.shortcut = conv(in_features, out_features, kernel_size=(1, 1, 1))

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Transform ``x`` and add it to the result."""
        y = self.conv1(jax.nn.silu(self.norm1(x)))
        y = self.conv2(jax.nn.silu(self.norm2(y)))
        return y + (self.shortcut(self.norm3(x)) if self.projects else x)


class LTXUpsample(nnx.Module):
    """A 3×3×3 convolution to more channels, which are then moved to time and space.

    diffusers ``autoencoder_kl_ltx.py``, ``LTXUpsampler3d``. Of the first frame's new frames only
    the last is kept.

    Args:
        features: Channels of the input and the output.
        factors: Factors along time, height and width.
        causal: Whether an output frame sees no later input frame.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        factors: Factors = (2, 2, 2),
        *,
        causal: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.factors = factors
        self.conv = LTXConv3D(
            features,
            features * factors[0] * factors[1] * factors[2],
            causal=causal,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Enlarge ``x``."""
        return depth_to_space(self.conv(x), self.factors)[:, self.factors[0] - 1 :]


class LTXHead(nnx.Module):
    """The end of an encoder or a decoder: RMS-norm, SiLU, 3×3×3 convolution.

    diffusers ``autoencoder_kl_ltx.py``, end of ``LTXEncoder3d`` and ``LTXDecoder3d``.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        causal: Whether an output frame sees no later input frame.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        causal: bool = True,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.RMSNorm(in_features, epsilon=1e-8, use_scale=False, dtype=dtype, rngs=rngs)
        self.conv = LTXConv3D(
            in_features,
            out_features,
            causal=causal,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Turn features into moments of the latent code, or into patches of pixels."""
        return self.conv(jax.nn.silu(self.norm(x)))
