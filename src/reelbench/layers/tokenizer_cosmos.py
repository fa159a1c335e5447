"""Blocks of the Cosmos continuous video tokenizer.

NVIDIA, "Cosmos World Foundation Model Platform for Physical AI", 2025, arXiv:2501.03575;
NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/layers3d.py``. All is causal: norms take their
statistics from one frame at a time.
"""

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

_Conv = functools.partial(CausalConv3D, border="first")


class FrameNorm(nnx.Module):
    """Normalises all channels and positions of a frame together.

    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/utils.py``, ``CausalNormalize``.

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
        self.norm = nnx.GroupNorm(
            features, 1, epsilon=1e-6, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w features"]:
        """Normalise ``x``."""
        return self.norm(x.reshape(-1, *x.shape[2:])).reshape(x.shape)


class CosmosConv3D(nnx.Module):
    """A 1×3×3 convolution, then a causal 3×1×1 convolution, with nothing between.

    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/layers3d.py``, ``conv_in`` of
    ``EncoderFactorized`` and ``DecoderFactorized``.

    Args:
        in_features: Channels of the input.
        out_features: Channels between the two and of the output.
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
        conv = functools.partial(_Conv, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.spatial = conv(in_features, out_features, kernel_size=(1, 3, 3))
        self.temporal = conv(out_features, out_features, kernel_size=(3, 1, 1))

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Convolve ``x``."""
        return self.temporal(self.spatial(x))


class CosmosResidualBlock(ResidualBlock):
    """Norm, SiLU, factorised causal convolution, twice, and a shortcut.

    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/layers3d.py``,
    ``CausalResnetBlockFactorized3d``. A 1×1×1 convolution projects the shortcut where the number of
    channels changes.

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
            norm=functools.partial(FrameNorm, **kinds),
            conv=functools.partial(CosmosConv3D, **kinds),
            project=functools.partial(nnx.Linear, **kinds),
        )


class CosmosAttention(nnx.Module):
    """Single-head attention among the positions of each frame, then among the frames so far.

    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/layers3d.py``, ``CausalAttnBlock`` and
    ``CausalTemporalAttnBlock``. Over time, each position attends to itself in its own frame and in
    earlier ones.

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
        norm = functools.partial(FrameNorm, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.spatial_norm = norm(features)
        self.spatial_qkv = linear(features, 3 * features)
        self.spatial_out = linear(features, features)
        self.temporal_norm = norm(features)
        self.temporal_qkv = linear(features, 3 * features)
        self.temporal_out = linear(features, features)

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w features"]:
        """Mix the positions of ``x`` and add ``x`` to the result, twice."""
        batch, frames, height, width, features = x.shape
        qkv = self.spatial_qkv(self.spatial_norm(x))
        qkv = qkv.reshape(batch * frames, height * width, 1, 3 * features)
        found = attend(*jnp.split(qkv, 3, axis=-1)).reshape(x.shape)
        x = x + self.spatial_out(found)

        qkv = self.temporal_qkv(self.temporal_norm(x))
        qkv = jnp.moveaxis(qkv, 1, 3).reshape(-1, frames, 1, 3 * features)
        found = attend(*jnp.split(qkv, 3, axis=-1), is_causal=True)
        found = jnp.moveaxis(found.reshape(batch, height, width, frames, features), 3, 1)
        return x + self.temporal_out(found)


class CosmosHead(nnx.Module):
    """The end of an encoder or a decoder: norm, SiLU, factorised causal convolution.

    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/modules/layers3d.py``, end of ``EncoderFactorized``
    and ``DecoderFactorized``.

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
        self.norm = FrameNorm(in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.conv = CosmosConv3D(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Turn features into the latent code, or into wavelet bands."""
        return self.conv(jax.nn.silu(self.norm(x)))
