"""Blocks of the HunyuanVideo autoencoder.

Kong et al., "HunyuanVideo: A Systematic Framework for Large Video Generative Models", 2024,
arXiv:2412.03603; diffusers ``models/autoencoders/autoencoder_kl_hunyuan_video.py``. Convolutions
and attention see no later frame, but group normalisation takes its statistics over the whole clip.
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
from reelbench.layers.shuffle import Factors, enlarge
from reelbench.layers.vae_residual import ResidualBlock

if TYPE_CHECKING:
    from jaxtyping import Array, Float

_Conv = functools.partial(CausalConv3D, border="nearest")


class HunyuanResidualBlock(ResidualBlock):
    """Group norm, SiLU, causal 3×3×3 convolution, twice, and a shortcut.

    diffusers ``autoencoder_kl_hunyuan_video.py``, ``HunyuanVideoResnetBlockCausal3D``. A 1×1×1
    convolution projects the shortcut where the number of channels changes.

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
        super().__init__(
            in_features,
            out_features,
            norm=functools.partial(nnx.GroupNorm, num_groups=groups, epsilon=1e-6, **kinds),
            conv=functools.partial(_Conv, **kinds),
            project=functools.partial(_Conv, kernel_size=(1, 1, 1), **kinds),
        )


class HunyuanMiddleAttention(nnx.Module):
    """Single-head attention from each position to all of its own frame and of earlier ones.

    diffusers ``autoencoder_kl_hunyuan_video.py``, ``HunyuanVideoMidBlock3D`` and
    ``prepare_causal_attention_mask``.

    Args:
        features: Channels of the input and the output.
        groups: Groups of channels that are normalised together.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        groups: int = 32,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = functools.partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.norm = nnx.GroupNorm(
            features, groups, epsilon=1e-6, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.query = linear(features, features)
        self.key = linear(features, features)
        self.value = linear(features, features)
        self.out = linear(features, features)

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w features"]:
        """Mix the positions of ``x`` and add ``x`` to the result."""
        batch, frames, height, width, features = x.shape
        tokens = self.norm(x).reshape(batch, -1, features)
        query, key, value = (
            project(tokens)[:, :, None] for project in (self.query, self.key, self.value)
        )
        frame = jnp.arange(frames * height * width) // (height * width)
        found = attend(query, key, value, mask=(frame[:, None] >= frame)[None, None])
        return x + self.out(found.reshape(x.shape))


class HunyuanDownsample(nnx.Module):
    """A strided causal 3×3×3 convolution.

    diffusers ``autoencoder_kl_hunyuan_video.py``, ``HunyuanVideoDownsampleCausal3D``.

    Args:
        features: Channels of the input and the output.
        strides: Strides along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        strides: Factors,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.conv = _Conv(
            features,
            features,
            strides=strides,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Shrink ``x``."""
        return self.conv(x)


class HunyuanUpsample(nnx.Module):
    """Nearest-neighbour interpolation and a causal 3×3×3 convolution.

    diffusers ``autoencoder_kl_hunyuan_video.py``, ``HunyuanVideoUpsampleCausal3D``. The first frame
    of a clip is enlarged in space only.

    Args:
        features: Channels of the input and the output.
        factors: Factors along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        factors: Factors,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.factors = factors
        self.conv = _Conv(features, features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Enlarge ``x``."""
        large = enlarge(x, self.factors)
        return self.conv(large[:, self.factors[0] - 1 :])


class HunyuanHead(nnx.Module):
    """The end of an encoder or a decoder: group norm, SiLU, causal 3×3×3 convolution.

    diffusers ``autoencoder_kl_hunyuan_video.py``, end of ``HunyuanVideoEncoder3D`` and
    ``HunyuanVideoDecoder3D``.

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
        self.norm = nnx.GroupNorm(
            in_features, groups, epsilon=1e-6, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.conv = _Conv(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w out_features"]:
        """Turn features into moments of the latent code, or into pixels."""
        return self.conv(jax.nn.silu(self.norm(x)))
