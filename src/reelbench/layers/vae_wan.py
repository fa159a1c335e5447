"""Blocks of the Wan autoencoder."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.causal import CausalConv3D
from reelbench.layers.multihead import attend
from reelbench.layers.vae_residual import ResidualBlock

if TYPE_CHECKING:
    from jaxtyping import Array, Float

SMALLEST_NORM = 1e-12


class ChannelRMSNorm(nnx.Module):
    """Scales the channels of each position to a root mean square of one.

    Wan Team 2025, arXiv:2503.20314; Wan2.1 ``wan/modules/vae.py``, ``RMS_norm``. Unlike the usual
    RMS norm it adds nothing to the mean square: the norm of the channels is only kept from zero.

    Args:
        features: Channels of the input and the output.
        dtype: Dtype of the output.
        param_dtype: Dtype of the stored scale.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.scale = nnx.Param(
            nnx.initializers.ones_init()(rngs.params(), (features,), param_dtype)
        )
        self.dtype = dtype

    def __call__(
        self, x: Float[Array, "*positions features"]
    ) -> Float[Array, "*positions features"]:
        """Normalise ``x`` over its channels."""
        dtype = x.dtype if self.dtype is None else self.dtype
        wide = x.astype(jnp.promote_types(jnp.promote_types(x.dtype, dtype), jnp.float32))
        square = jnp.sum(wide * wide, axis=-1, keepdims=True)
        # The bound stands inside the root: the derivative is then zero, not NaN, where x is zero.
        root = jax.lax.rsqrt(jnp.maximum(square, SMALLEST_NORM**2))
        normalised: Array = wide * root * x.shape[-1] ** 0.5 * self.scale[...]
        return normalised.astype(dtype)


class WanResidualBlock(ResidualBlock):
    """The residual block of the Wan autoencoder: norm, SiLU, causal 3×3×3 convolution, twice.

    Wan Team, "Wan: Open and Advanced Large-Scale Video Generative Models", 2025, arXiv:2503.20314;
    Wan2.1 ``wan/modules/vae.py``, ``ResidualBlock``; diffusers
    ``models/autoencoders/autoencoder_kl_wan.py``, ``WanResidualBlock``. The published dropout rate
    is zero. A 1×1×1 convolution projects the shortcut where the number of channels changes.

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
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        super().__init__(
            in_features,
            out_features,
            norm=functools.partial(ChannelRMSNorm, **kinds),
            conv=functools.partial(CausalConv3D, **kinds),
            project=functools.partial(CausalConv3D, kernel_size=(1, 1, 1), **kinds),
        )


class WanFrameAttention(nnx.Module):
    """Single-head attention among the positions of each frame, in the middle of the autoencoder.

    Wan2.1 ``wan/modules/vae.py``, ``AttentionBlock``; diffusers ``autoencoder_kl_wan.py``,
    ``WanAttentionBlock``.

    Args:
        features: Channels of the input and the output.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = functools.partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.norm = ChannelRMSNorm(features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.qkv = linear(features, 3 * features)
        self.proj = linear(features, features)

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w features"]:
        """Mix the positions of each frame of ``x`` and add ``x`` to the result."""
        batch, frames, height, width, features = x.shape
        qkv = self.qkv(self.norm(x)).reshape(batch * frames, height * width, 1, 3 * features)
        found = attend(*jnp.split(qkv, 3, axis=-1))
        return x + self.proj(found.reshape(x.shape))


class WanHead(nnx.Module):
    """The end of an encoder or a decoder: norm, SiLU, causal 3×3×3 convolution.

    Wan2.1 ``wan/modules/vae.py``, ``head`` of ``Encoder3d`` and ``Decoder3d``.

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
        self.norm = ChannelRMSNorm(in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv = CausalConv3D(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Turn features into moments of the latent code, or into pixels."""
        return self.conv(jax.nn.silu(self.norm(x)))
