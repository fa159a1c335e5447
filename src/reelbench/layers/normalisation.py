"""Normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.vae import ChannelRMSNorm

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = ["AdaptiveNorm", "BatchNorm3D", "ChannelRMSNorm", "GroupNorm3D", "TokenNorm"]


class BatchNorm3D(nnx.Module):
    """Normalises each channel over the batch, time, height and width.

    Ioffe & Szegedy, "Batch Normalization", 2015, arXiv:1502.03167; torchvision
    ``models/video/resnet.py``, which normalises so after each convolution. In evaluation mode
    running statistics take the place of the batch's.

    Args:
        features: Channels.
        epsilon: Added to the variance.
        dtype: Dtype of the output.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.BatchNorm(
            features, momentum=0.9, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w features"]:
        """Normalise ``x``."""
        return self.norm(x)


class GroupNorm3D(nnx.Module):
    """Normalises each group of channels of a clip over time, height and width.

    Wu & He, "Group Normalization", 2018, arXiv:1803.08494; as in the video autoencoders of
    HunyuanVideo and CogVideoX: diffusers ``models/autoencoders/autoencoder_kl_hunyuan_video.py``
    and ``autoencoder_kl_cogvideox.py``.

    Args:
        features: Channels.
        num_groups: Groups of neighbouring channels.
        epsilon: Added to the variance.
        dtype: Dtype of the output.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        num_groups: int = 32,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.GroupNorm(
            features,
            num_groups=num_groups,
            epsilon=epsilon,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t h w features"]:
        """Normalise ``x``."""
        return self.norm(x)


class TokenNorm(nnx.Module):
    """Normalises the channels of each token: the layer norm of a vision transformer.

    Ba et al., "Layer Normalization", 2016, arXiv:1607.06450; timm
    ``models/vision_transformer.py``.

    Args:
        features: Channels.
        epsilon: Added to the variance.
        dtype: Dtype of the output.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.LayerNorm(
            features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch tokens features"]
    ) -> Float[Array, "batch tokens features"]:
        """Normalise ``x``."""
        return self.norm(x)


class AdaptiveNorm(nnx.Module):
    """All of a DiT block but its attention and its perceptron: what a condition does to the tokens.

    SiLU and one projection turn the condition into two shifts, scales and gates. Twice, the tokens
    are normalised, scaled, shifted and gated onto the residual stream; a DiT block puts attention,
    then a perceptron, before the gates.

    Peebles & Xie, "Scalable Diffusion Models with Transformers", 2023, arXiv:2212.09748;
    facebookresearch/DiT ``models.py``, ``DiTBlock`` (adaLN-Zero: the projection starts at zero, the
    norms have no parameters).

    Args:
        features: Channels of the tokens and of the condition.
        epsilon: Added to the variance.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.modulation = nnx.Linear(
            features,
            6 * features,
            kernel_init=nnx.initializers.zeros_init(),
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm = nnx.LayerNorm(
            features, epsilon=epsilon, use_scale=False, use_bias=False, dtype=dtype, rngs=rngs
        )

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        condition: Float[Array, "batch features"],
    ) -> Float[Array, "batch tokens features"]:
        """Modulate the tokens ``x`` twice."""
        six = self.modulation(jax.nn.silu(condition))[:, None]
        shift1, scale1, gate1, shift2, scale2, gate2 = jnp.split(six, 6, axis=-1)
        x = x + gate1 * (self.norm(x) * (1 + scale1) + shift1)
        return x + gate2 * (self.norm(x) * (1 + scale2) + shift2)
