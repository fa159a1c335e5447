"""The LTX-Video autoencoder, assembled from layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.spacetodepth import Patchify
from reelbench.layers.vae import LTXConv3D, LTXHead, LTXResidualBlock, LTXUpsample
from reelbench.models.autoencoder import VariationalAutoencoder

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class LTXAutoencoder(VariationalAutoencoder):
    """The video autoencoder of LTX-Video (its first release, 0.9.0).

    HaCohen et al., "LTX-Video: Realtime Video Latent Diffusion", 2024, arXiv:2501.00103; diffusers
    ``models/autoencoders/autoencoder_kl_ltx.py``, ``AutoencoderKLLTXVideo``. The encoder is causal;
    the decoder sees the whole latent code. All channels of a latent position share one variance.

    Args:
        widths: Channels of each level.
        latent_features: Channels of the latent code.
        blocks: Residual blocks of each level, and in the middle.
        scaling: For each level, whether it halves (doubles) frames, height and width.
        patch: Height and width of the patches that are moved to channels before all else.
        decoder_causal: Whether a decoded frame sees no later latent frame.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        widths: Sequence[int] = (128, 256, 512, 512),
        latent_features: int = 128,
        *,
        blocks: Sequence[int] = (4, 3, 3, 3, 4),
        scaling: Sequence[bool] = (True, True, True, False),
        patch: int = 4,
        decoder_causal: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        pixels = 3 * patch**2
        self.latent_features = latent_features
        self.patchify = Patchify(patch, dtype=dtype)

        layers: list[nnx.Module] = [LTXConv3D(pixels, widths[0], **kinds)]
        after = [*widths[1:], widths[-1]]
        for width, wider, count, halves in zip(widths, after, blocks[:-1], scaling, strict=True):
            layers += _blocks(width, count, **kinds)
            if halves:
                layers.append(LTXConv3D(width, width, strides=(2, 2, 2), **kinds))
            if width != wider:
                layers.append(LTXResidualBlock(width, wider, **kinds))
        layers += _blocks(widths[-1], blocks[-1], **kinds)
        layers.append(LTXHead(widths[-1], latent_features + 1, **kinds))
        self.encoder = nnx.List(layers)

        kinds["causal"] = decoder_causal
        layers = [LTXConv3D(latent_features, widths[-1], **kinds)]
        layers += _blocks(widths[-1], blocks[-1], **kinds)
        before = widths[-1]
        levels = list(zip(widths, blocks[:-1], scaling, strict=True))
        for width, count, doubles in reversed(levels):
            if width != before:
                layers.append(LTXResidualBlock(before, width, **kinds))
            if doubles:
                layers.append(LTXUpsample(width, **kinds))
            layers += _blocks(width, count, **kinds)
            before = width
        layers.append(LTXHead(before, pixels, **kinds))
        self.decoder = nnx.List(layers)

    def encode(
        self, clip: Float[Array, "batch t h w 3"]
    ) -> Float[Array, "batch t2 h2 w2 two_latent"]:
        """Means and logarithms of the variances of the latent code of 1 + 8n frames."""
        x = self.patchify(clip)
        for layer in self.encoder:
            x = layer(x)
        means, shared = x[..., :-1], x[..., -1:]
        return jnp.concatenate([means, jnp.broadcast_to(shared, means.shape)], axis=-1)

    def decode(
        self, latent: Float[Array, "batch t2 h2 w2 latent"]
    ) -> Float[Array, "batch t h w 3"]:
        """Pixels of a latent code."""
        x = latent
        for layer in self.decoder:
            x = layer(x)
        return self.patchify.inverse(x)


def _blocks(features: int, count: int, **kinds: Any) -> list[nnx.Module]:
    return [LTXResidualBlock(features, features, **kinds) for _ in range(count)]
