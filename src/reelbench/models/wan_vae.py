"""The Wan autoencoders, assembled from layers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.causal import CausalConv3D
from reelbench.layers.spacetodepth import AverageDown3D, DuplicateUp3D, Patchify
from reelbench.layers.vae import (
    WanDownsample,
    WanFrameAttention,
    WanHead,
    WanResidualBlock,
    WanUpsample,
)
from reelbench.models.autoencoder import VariationalAutoencoder

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class WanAutoencoder(VariationalAutoencoder):
    """The causal video autoencoder of Wan2.1, or with ``residual`` that of Wan2.2 (TI2V-5B).

    Wan Team, "Wan: Open and Advanced Large-Scale Video Generative Models", 2025, arXiv:2503.20314;
    Wan2.1 ``wan/modules/vae.py`` and Wan2.2 ``wan/modules/vae2_2.py``; diffusers
    ``models/autoencoders/autoencoder_kl_wan.py``, ``AutoencoderKLWan``.

    The published code encodes one frame, then four frames at a time, keeping the last frames of
    every convolution; and decodes one latent frame at a time. Computing the whole clip at once, as
    here, gives the same numbers. Pixels are not clamped to [-1, 1], as they are for display.

    Args:
        features: Channels of the encoder's first level.
        decoder_features: Channels of the decoder's last level.
        latent_features: Channels of the latent code.
        multipliers: Channels of each level, in units of the first.
        blocks: Residual blocks of a level; the decoder has one more.
        time: For each level but the last, whether the encoder halves its frames too.
        residual: Whether levels have a shortcut that moves space and time to channels.
        patch: Height and width of the patches that are moved to channels before all else.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        decoder_features: int,
        latent_features: int,
        *,
        multipliers: Sequence[int] = (1, 2, 4, 4),
        blocks: int = 2,
        time: Sequence[bool] = (False, True, True),
        residual: bool = False,
        patch: int = 1,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        pixels = 3 * patch**2
        self.patchify = Patchify(patch, dtype=dtype)

        widths = [features * m for m in multipliers]
        self.encoder_stem = CausalConv3D(pixels, widths[0], **kinds)
        self.encoder_levels = nnx.List(
            _encoder_level(before, width, blocks, halve, residual, **kinds)
            for before, width, halve in zip(
                [widths[0], *widths], widths, [*time, None], strict=False
            )
        )
        self.encoder_middle = _middle(widths[-1], **kinds)
        self.encoder_head = WanHead(widths[-1], 2 * latent_features, **kinds)
        self.moments = CausalConv3D(
            2 * latent_features, 2 * latent_features, kernel_size=(1, 1, 1), **kinds
        )

        widths = [decoder_features * m for m in reversed(multipliers)]
        self.code = CausalConv3D(latent_features, latent_features, kernel_size=(1, 1, 1), **kinds)
        self.decoder_stem = CausalConv3D(latent_features, widths[0], **kinds)
        self.decoder_middle = _middle(widths[0], **kinds)
        self.decoder_levels = nnx.List(
            _decoder_level(before, width, blocks + 1, double, residual, **kinds)
            for before, width, double in zip(
                # Without shortcuts, up-sampling halves the channels.
                [widths[0], *(width if residual else width // 2 for width in widths)],
                widths,
                [*reversed(time), None],
                strict=False,
            )
        )
        self.decoder_head = WanHead(widths[-1], pixels, **kinds)

    def encode(
        self, clip: Float[Array, "batch t h w 3"]
    ) -> Float[Array, "batch t2 h2 w2 two_latent"]:
        """Means and logarithms of the variances of the latent code of 1 + 4n frames."""
        x = self.encoder_stem(self.patchify(clip))
        for layer in (*self.encoder_levels, *self.encoder_middle):
            x = layer(x)
        return self.moments(self.encoder_head(x))

    def decode(
        self, latent: Float[Array, "batch t2 h2 w2 latent"]
    ) -> Float[Array, "batch t h w 3"]:
        """Pixels of a latent code."""
        x = self.decoder_stem(self.code(latent))
        for layer in (*self.decoder_middle, *self.decoder_levels):
            x = layer(x)
        return self.patchify.inverse(self.decoder_head(x))


class _Level(nnx.Module):
    """Layers in a row, and a shortcut around them all where there is one."""

    def __init__(self, layers: Iterable[nnx.Module], shortcut: nnx.Module | None) -> None:
        self.layers = nnx.List(layers)
        self.shortcuts = nnx.List([] if shortcut is None else [shortcut])

    def __call__(self, x: Any) -> Any:
        """Transform ``x``."""
        y = x
        for layer in self.layers:
            y = layer(y)
        for shortcut in self.shortcuts:
            y = y + shortcut(x)
        return y


def _encoder_level(
    in_features: int,
    features: int,
    blocks: int,
    time: bool | None,
    residual: bool,
    **kinds: Any,
) -> _Level:
    """Residual blocks and a down-sampling, none if ``time`` is None; the last level has none."""
    layers: list[nnx.Module] = [*_blocks(in_features, features, blocks, **kinds)]
    factors = (1, 1, 1) if time is None else (1 + time, 2, 2)
    if time is not None:
        layers.append(WanDownsample(features, time=time, **kinds))
    return _Level(
        layers, AverageDown3D(in_features, features, factors, **kinds) if residual else None
    )


def _decoder_level(
    in_features: int,
    features: int,
    blocks: int,
    time: bool | None,
    residual: bool,
    **kinds: Any,
) -> _Level:
    """Residual blocks and an up-sampling, none if ``time`` is None; the last level has none."""
    layers: list[nnx.Module] = [*_blocks(in_features, features, blocks, **kinds)]
    if time is None:
        return _Level(layers, None)
    narrower = features if residual else features // 2
    layers.append(WanUpsample(features, narrower, time=time, **kinds))
    factors = (1 + time, 2, 2)
    return _Level(
        layers, DuplicateUp3D(in_features, features, factors, **kinds) if residual else None
    )


def _blocks(in_features: int, features: int, blocks: int, **kinds: Any) -> list[nnx.Module]:
    widths = [in_features] + blocks * [features]
    return [WanResidualBlock(*pair, **kinds) for pair in itertools.pairwise(widths)]


def _middle(features: int, **kinds: Any) -> nnx.List[nnx.Module]:
    return nnx.List(
        [
            WanResidualBlock(features, features, **kinds),
            WanFrameAttention(features, **kinds),
            WanResidualBlock(features, features, **kinds),
        ]
    )
