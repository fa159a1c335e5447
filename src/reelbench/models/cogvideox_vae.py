"""The CogVideoX autoencoder, assembled from layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.causal import CausalConv3D
from reelbench.layers.vae import (
    CogVideoXDownsample,
    CogVideoXHead,
    CogVideoXResidualBlock,
    CogVideoXUpsample,
)
from reelbench.models.autoencoder import VariationalAutoencoder

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class CogVideoXAutoencoder(VariationalAutoencoder):
    """The video autoencoder of CogVideoX.

    Yang et al., "CogVideoX: Text-to-Video Diffusion Models with An Expert Transformer", 2024,
    arXiv:2408.06072; diffusers ``models/autoencoders/autoencoder_kl_cogvideox.py``,
    ``AutoencoderKLCogVideoX``.

    Convolutions are causal, but the group norms take their statistics over the whole clip: a later
    frame changes every latent frame a little. The published code for inference runs eight frames
    (two latent frames) at a time, so that its statistics are those of a chunk; computing the whole
    clip at once, as here and in training, gives other numbers.

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
        widths: Sequence[int] = (128, 256, 256, 512),
        latent_features: int = 16,
        *,
        blocks: int = 3,
        time: Sequence[bool] = (True, True, False),
        groups: int = 32,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        grouped: dict[str, Any] = {"groups": groups, **kinds}

        layers: list[nnx.Module] = [CausalConv3D(3, widths[0], border="first", **kinds)]
        for before, width, halve in zip([widths[0], *widths], widths, [*time, None], strict=False):
            layers += _blocks(before, width, blocks, **grouped)
            if halve is not None:
                layers.append(CogVideoXDownsample(width, time=halve, **kinds))
        layers += _blocks(widths[-1], widths[-1], 2, **grouped)
        layers.append(CogVideoXHead(widths[-1], 2 * latent_features, **grouped))
        self.encoder = nnx.List(layers)

        widths = widths[::-1]
        coded: dict[str, Any] = {"latent_features": latent_features, **grouped}
        self.decoder_stem = CausalConv3D(latent_features, widths[0], border="first", **kinds)
        layers = _blocks(widths[0], widths[0], 2, **coded)
        # The decoder doubles its frames after the levels at the encoder's places, not mirrored.
        for before, width, double in zip([widths[0], *widths], widths, [*time, None], strict=False):
            layers += _blocks(before, width, blocks + 1, **coded)
            if double is not None:
                layers.append(CogVideoXUpsample(width, time=double, **kinds))
        layers.append(CogVideoXHead(widths[-1], 3, **coded))
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
        """Pixels of a latent code, which every norm sees too."""
        x = self.decoder_stem(latent)
        for layer in self.decoder:
            x = layer(x) if isinstance(layer, CogVideoXUpsample) else layer(x, latent)
        return x


def _blocks(in_features: int, features: int, blocks: int, **kinds: Any) -> list[nnx.Module]:
    widths = [in_features] + blocks * [features]
    return [CogVideoXResidualBlock(*pair, **kinds) for pair in itertools.pairwise(widths)]
