"""Blocks of the CogVideoX autoencoder.

Yang et al., "CogVideoX: Text-to-Video Diffusion Models with An Expert Transformer", 2024,
arXiv:2408.06072; diffusers ``models/autoencoders/autoencoder_kl_cogvideox.py``. Convolutions see no
later frame, but group normalisation takes its statistics over the whole clip.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.causal import CausalConv3D
from reelbench.layers.shuffle import enlarge

if TYPE_CHECKING:
    from jaxtyping import Array, Float

_Conv = functools.partial(CausalConv3D, border="first")


class CogVideoXSpatialNorm(nnx.Module):
    """Group norm, scaled and shifted at each position by the latent code there.

    diffusers ``autoencoder_kl_cogvideox.py``, ``CogVideoXSpatialNorm3D``; Zheng et al. 2022,
    arXiv:2209.09002. The code is enlarged by nearest-neighbour interpolation first; in a clip of an
    odd number of frames, the first frame of the code belongs to the first frame alone.

    Args:
        features: Channels of the input and the output.
        latent_features: Channels of the latent code.
        groups: Groups of channels that are normalised together.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        latent_features: int,
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
        self.scale = linear(latent_features, features)
        self.shift = linear(latent_features, features)

    def __call__(
        self,
        x: Float[Array, "batch t h w features"],
        latent: Float[Array, "batch t2 h2 w2 latent_features"],
    ) -> Float[Array, "batch t h w features"]:
        """Normalise ``x``, whose shape is a multiple of that of ``latent``."""
        latent = _fit(latent, x.shape[1:4])
        return self.norm(x) * self.scale(latent) + self.shift(latent)


class CogVideoXResidualBlock(nnx.Module):
    """Norm, SiLU, causal 3×3×3 convolution, twice, and a shortcut.

    diffusers ``autoencoder_kl_cogvideox.py``, ``CogVideoXResnetBlock3D``. The encoder has group
    norms, the decoder spatially conditioned ones. A 1×1×1 convolution projects the shortcut where
    the number of channels changes.

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        latent_features: Channels of the latent code, in the decoder.
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
        latent_features: int | None = None,
        groups: int = 32,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.norm1 = _norm(in_features, latent_features, groups, **kinds)
        self.conv1 = _Conv(in_features, out_features, **kinds)
        self.norm2 = _norm(out_features, latent_features, groups, **kinds)
        self.conv2 = _Conv(out_features, out_features, **kinds)
        self.projects = in_features != out_features
        if self.projects:
            self.shortcut = nnx.Linear(in_features, out_features, **kinds)

    def __call__(
        self,
        x: Float[Array, "batch t h w in_features"],
        latent: Float[Array, "batch t2 h2 w2 latent_features"] | None = None,
    ) -> Float[Array, "batch t h w out_features"]:
        """Transform ``x`` and add it to the result."""
        code = () if latent is None else (latent,)
        y = self.conv1(jax.nn.silu(self.norm1(x, *code)))
        y = self.conv2(jax.nn.silu(self.norm2(y, *code)))
        return y + (self.shortcut(x) if self.projects else x)


class CogVideoXDownsample(nnx.Module):
    """Averages pairs of frames after the first, where asked to, and halves height and width.

    diffusers ``models/downsampling.py``, ``CogVideoXDownsample3D``: a strided 3×3 convolution of
    each frame.

    Args:
        features: Channels of the input and the output.
        time: Whether frames are halved too.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        time: bool,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.time = time
        self.conv = nnx.Conv(
            features,
            features,
            (3, 3),
            (2, 2),
            padding=[(0, 1), (0, 1)],
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Shrink ``x``; the first frame stands alone if the number of frames is odd."""
        if self.time:
            alone = x.shape[1] % 2
            pairs = x[:, alone:].reshape(x.shape[0], -1, 2, *x.shape[2:])
            x = jnp.concatenate([x[:, :alone], pairs.mean(axis=2)], axis=1)
        return self.conv(x)


class CogVideoXUpsample(nnx.Module):
    """Nearest-neighbour interpolation and a 3×3 convolution of each frame.

    diffusers ``models/upsampling.py``, ``CogVideoXUpsample3D``.

    Args:
        features: Channels of the input and the output.
        time: Whether frames are doubled too, but for the first of an odd number.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        time: bool,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.time = time
        self.conv = nnx.Conv(
            features, features, (3, 3), dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t2 h2 w2 features"]:
        """Enlarge ``x``."""
        if not self.time:
            return self.conv(enlarge(x, (1, 2, 2)))
        return self.conv(enlarge(x, (2, 2, 2))[:, x.shape[1] % 2 :])


class CogVideoXHead(nnx.Module):
    """The end of an encoder or a decoder: norm, SiLU, causal 3×3×3 convolution.

    diffusers ``autoencoder_kl_cogvideox.py``, end of ``CogVideoXEncoder3D`` (group norm) and
    ``CogVideoXDecoder3D`` (spatially conditioned norm).

    Args:
        in_features: Channels of the input.
        out_features: Channels of the output.
        latent_features: Channels of the latent code, in the decoder.
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
        latent_features: int | None = None,
        groups: int = 32,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.norm = _norm(in_features, latent_features, groups, **kinds)
        self.conv = _Conv(in_features, out_features, **kinds)

    def __call__(
        self,
        x: Float[Array, "batch t h w in_features"],
        latent: Float[Array, "batch t2 h2 w2 latent_features"] | None = None,
    ) -> Float[Array, "batch t h w out_features"]:
        """Turn features into moments of the latent code, or into pixels."""
        code = () if latent is None else (latent,)
        return self.conv(jax.nn.silu(self.norm(x, *code)))


def _norm(features: int, latent_features: int | None, groups: int, **kinds: Any) -> nnx.Module:
    if latent_features is None:
        return nnx.GroupNorm(features, groups, epsilon=1e-6, **kinds)
    return CogVideoXSpatialNorm(features, latent_features, groups=groups, **kinds)


def _fit(
    latent: Float[Array, "batch t2 h2 w2 c"], shape: tuple[int, ...]
) -> Float[Array, "batch t h w c"]:
    """Enlarge a latent code to a clip's frames, height and width."""
    alone = shape[0] % 2 if shape[0] > 1 else 0
    frames = (shape[0] - alone) // (latent.shape[1] - alone)
    large = enlarge(latent, (frames, shape[1] // latent.shape[2], shape[2] // latent.shape[3]))
    return large[:, alone * (frames - 1) :]
