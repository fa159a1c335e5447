"""The Cosmos continuous video tokenizer, assembled from layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.spacetodepth import HaarPatch, HaarUnpatch
from reelbench.layers.tokenizer import (
    CosmosAttention,
    CosmosConv3D,
    CosmosDownsample,
    CosmosHead,
    CosmosResidualBlock,
    CosmosUpsample,
)

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class CosmosTokenizer(nnx.Module):
    """The causal continuous video tokenizer of Cosmos: wavelets, then factorised convolutions.

    NVIDIA, "Cosmos World Foundation Model Platform for Physical AI", 2025, arXiv:2501.03575;
    NVIDIA/Cosmos-Tokenizer ``cosmos_tokenizer/networks/continuous_video.py``,
    ``CausalContinuousVideoTokenizer``; diffusers ``models/autoencoders/autoencoder_kl_cosmos.py``,
    ``AutoencoderKLCosmos``. Attention stands in the middle only: at the published resolution no
    level is of the size that has it. The code is not random.

    Args:
        encoder_widths: Channels after the encoder's stem and of each of its levels.
        decoder_widths: Channels of each of the decoder's levels and before its first one, last
            level first.
        latent_features: Channels of the latent code.
        down: For each level of the encoder but the last, whether it halves frames, height and
            width.
        up: For each level of the decoder but the last, whether it doubles them.
        blocks: Residual blocks of a level; the decoder has one more.
        patch: Length of the wavelet patches along each axis.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        encoder_widths: Sequence[int] = (128, 256, 512, 512),
        decoder_widths: Sequence[int] = (256, 512, 512, 512),
        latent_features: int = 16,
        *,
        down: Sequence[bool] = (True, False),
        up: Sequence[bool] = (False, True),
        blocks: int = 2,
        patch: int = 4,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        bands = 3 * patch**3

        layers: list[nnx.Module] = [
            HaarPatch(patch, dtype=dtype),
            CosmosConv3D(bands, encoder_widths[0], **kinds),
        ]
        levels = zip(itertools.pairwise(encoder_widths), [*down, False], strict=True)
        for (before, width), halves in levels:
            layers += _blocks(before, width, blocks, **kinds)
            if halves:
                layers.append(CosmosDownsample(width, **kinds))
        layers += _middle(encoder_widths[-1], **kinds)
        layers.append(CosmosHead(encoder_widths[-1], latent_features, **kinds))
        layers.append(nnx.Linear(latent_features, latent_features, **kinds))
        self.encoder = nnx.List(layers)

        widths = decoder_widths[::-1]
        layers = [
            nnx.Linear(latent_features, latent_features, **kinds),
            CosmosConv3D(latent_features, widths[0], **kinds),
            *_middle(widths[0], **kinds),
        ]
        levels = zip(itertools.pairwise(widths), [*up, False], strict=True)
        for (before, width), doubles in levels:
            layers += _blocks(before, width, blocks + 1, **kinds)
            if doubles:
                layers.append(CosmosUpsample(width, **kinds))
        layers.append(CosmosHead(widths[-1], bands, **kinds))
        layers.append(HaarUnpatch(patch, dtype=dtype))
        self.decoder = nnx.List(layers)

    def __call__(self, clip: Float[Array, "batch t h w 3"]) -> Float[Array, "batch t h w 3"]:
        """Encode and decode a clip of 1 + 8n frames."""
        return self.decode(self.encode(clip))

    def encode(self, clip: Float[Array, "batch t h w 3"]) -> Float[Array, "batch t2 h2 w2 latent"]:
        """The latent code of a clip."""
        x = clip
        for layer in self.encoder:
            x = layer(x)
        return x

    def decode(
        self, latent: Float[Array, "batch t2 h2 w2 latent"]
    ) -> Float[Array, "batch t h w 3"]:
        """Pixels of a latent code."""
        x = latent
        for layer in self.decoder:
            x = layer(x)
        return x


def _blocks(in_features: int, features: int, blocks: int, **kinds: Any) -> list[nnx.Module]:
    widths = [in_features] + blocks * [features]
    return [CosmosResidualBlock(*pair, **kinds) for pair in itertools.pairwise(widths)]


def _middle(features: int, **kinds: Any) -> list[nnx.Module]:
    return [
        CosmosResidualBlock(features, features, **kinds),
        CosmosAttention(features, **kinds),
        CosmosResidualBlock(features, features, **kinds),
    ]
