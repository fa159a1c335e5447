"""The HunyuanVideo autoencoder, assembled from layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.causal import CausalConv3D
from reelbench.layers.vae import (
    HunyuanDownsample,
    HunyuanHead,
    HunyuanMiddleAttention,
    HunyuanResidualBlock,
    HunyuanUpsample,
)
from reelbench.models.autoencoder import VariationalAutoencoder

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class HunyuanAutoencoder(VariationalAutoencoder):
    """The video autoencoder of HunyuanVideo.

    Kong et al., "HunyuanVideo: A Systematic Framework for Large Video Generative Models", 2024,
    arXiv:2412.03603; diffusers ``models/autoencoders/autoencoder_kl_hunyuan_video.py``,
    ``AutoencoderKLHunyuanVideo``.

    Convolutions and attention are causal, but the group norms take their statistics over the whole
    clip: a later frame changes every latent frame a little. The published code cuts clips of more
    than 17 frames (256×256 pixels where tiling is on) into overlapping tiles and blends them, which
    gives other numbers than computing the whole clip at once, as here.

    Args:
        widths: Channels of each level.
        latent_features: Channels of the latent code.
        blocks: Residual blocks of a level; the decoder has one more.
        time: For each level but the last, whether the encoder halves its frames too.
        groups: Groups of channels that are normalised together.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        widths: Sequence[int] = (128, 256, 512, 512),
        latent_features: int = 16,
        *,
        blocks: int = 2,
        time: Sequence[bool] = (False, True, True),
        groups: int = 32,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        grouped: dict[str, Any] = {"groups": groups, **kinds}

        layers: list[nnx.Module] = [CausalConv3D(3, widths[0], border="nearest", **kinds)]
        for before, width, halve in zip([widths[0], *widths], widths, [*time, None], strict=False):
            layers += _blocks(before, width, blocks, **grouped)
            if halve is not None:
                layers.append(HunyuanDownsample(width, (1 + halve, 2, 2), **kinds))
        layers += _middle(widths[-1], **grouped)
        layers.append(HunyuanHead(widths[-1], 2 * latent_features, **grouped))
        layers.append(nnx.Linear(2 * latent_features, 2 * latent_features, **kinds))
        self.encoder = nnx.List(layers)

        widths = widths[::-1]
        layers = [
            nnx.Linear(latent_features, latent_features, **kinds),
            CausalConv3D(latent_features, widths[0], border="nearest", **kinds),
        ]
        layers += _middle(widths[0], **grouped)
        # The decoder doubles its frames after the levels at the encoder's places, not mirrored.
        for before, width, double in zip([widths[0], *widths], widths, [*time, None], strict=False):
            layers += _blocks(before, width, blocks + 1, **grouped)
            if double is not None:
                layers.append(HunyuanUpsample(width, (1 + double, 2, 2), **kinds))
        layers.append(HunyuanHead(widths[-1], 3, **grouped))
        self.decoder = nnx.List(layers)

    def encode(
        self, clip: Float[Array, "batch t h w 3"]
    ) -> Float[Array, "batch t2 h2 w2 two_latent"]:
        """Means and logarithms of the variances of the latent code of 1 + 4n frames."""
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
    return [HunyuanResidualBlock(*pair, **kinds) for pair in itertools.pairwise(widths)]


def _middle(features: int, **kinds: Any) -> list[nnx.Module]:
    return [
        HunyuanResidualBlock(features, features, **kinds),
        HunyuanMiddleAttention(features, **kinds),
        HunyuanResidualBlock(features, features, **kinds),
    ]
