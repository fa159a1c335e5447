"""The MAGVIT 3D-VQ tokenizer, assembled from layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.tokenizer import (
    MagvitConv3D,
    MagvitHead,
    MagvitResidualBlock,
    MagvitUpsample,
    VectorQuantizer,
)
from reelbench.layers.tokenizer_magvit import average

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class MagvitTokenizer(nnx.Module):
    """The 3D-VQ tokenizer of MAGVIT.

    Yu et al., "MAGVIT: Masked Generative Video Transformer", 2023, arXiv:2212.05199;
    google-research/magvit ``videogvt/models/vqvae.py``, ``VQVAE``, with the configuration
    ``videogvt/configs/vqgan3d_ucf101_config.py``.

    Args:
        features: Channels of the first level.
        embedding: Channels of a code.
        codes: Codes in the codebook.
        multipliers: Channels of each level, in units of the first.
        blocks: Residual blocks of a level and in the middle.
        time: For each level but the last, whether the encoder halves its frames too.
        groups: Groups of channels that are normalised together.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int = 64,
        embedding: int = 256,
        codes: int = 1024,
        *,
        multipliers: Sequence[int] = (1, 2, 2, 4),
        blocks: int = 2,
        time: Sequence[bool] = (True, True, False),
        groups: int = 32,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        grouped: dict[str, Any] = {"groups": groups, **kinds}
        widths = [features * m for m in multipliers]
        self.factors = [(1 + halved, 2, 2) for halved in time]

        self.encoder_stem = MagvitConv3D(3, widths[0], use_bias=False, **kinds)
        self.encoder_levels = nnx.List(
            _blocks(before, width, blocks, **grouped)
            for before, width in zip([widths[0], *widths], widths, strict=False)
        )
        self.encoder_middle = _blocks(widths[-1], widths[-1], blocks, **grouped)
        point = {"kernel_size": (1, 1, 1), **grouped}
        self.encoder_head = MagvitHead(widths[-1], embedding, **point)
        self.quantizer = VectorQuantizer(embedding, codes, **kinds)

        widths = widths[::-1]
        self.decoder_stem = MagvitConv3D(embedding, widths[0], use_bias=True, **kinds)
        layers = [*_blocks(widths[0], widths[0], blocks, **grouped)]
        for before, width, factors in zip(
            [widths[0], *widths], widths, [*reversed(self.factors), None], strict=False
        ):
            layers += _blocks(before, width, blocks, **grouped)
            if factors is not None:
                layers.append(MagvitUpsample(width, width, factors, **kinds))
        layers.append(MagvitHead(widths[-1], 3, **grouped))
        self.decoder = nnx.List(layers)

    def __call__(
        self, clip: Float[Array, "batch t h w 3"]
    ) -> tuple[Float[Array, "batch t h w 3"], Float[Array, ""]]:
        """Encode, quantise and decode a clip.

        Returns:
            The decoded clip, and the loss of the quantiser.
        """
        codes, loss = self.quantizer(self.encode(clip))
        return self.decode(codes), loss

    def tokens(self, clip: Float[Array, "batch t h w 3"]) -> Int[Array, "batch t2 h2 w2"]:
        """The tokens of a clip."""
        return self.quantizer.indices(self.encode(clip))

    def encode(
        self, clip: Float[Array, "batch t h w 3"]
    ) -> Float[Array, "batch t2 h2 w2 embedding"]:
        """What is quantised."""
        x = self.encoder_stem(clip)
        for level, blocks in enumerate(self.encoder_levels):
            for block in blocks:
                x = block(x)
            if level < len(self.factors):
                x = average(x, self.factors[level])
        for block in self.encoder_middle:
            x = block(x)
        return self.encoder_head(x)

    def decode(
        self, codes: Float[Array, "batch t2 h2 w2 embedding"]
    ) -> Float[Array, "batch t h w 3"]:
        """Pixels of quantised vectors."""
        x = self.decoder_stem(codes)
        for layer in self.decoder:
            x = layer(x)
        return x


def _blocks(in_features: int, features: int, blocks: int, **kinds: Any) -> nnx.List[nnx.Module]:
    widths = [in_features] + blocks * [features]
    return nnx.List(MagvitResidualBlock(*pair, **kinds) for pair in itertools.pairwise(widths))
