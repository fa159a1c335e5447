"""VideoMAE while it is pre-trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.masked import JointAttentionBlock, MaskTokens, PixelHead, VisibleEmbedding

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

Size = tuple[int, int, int]


class MaskedAutoencoder(nnx.Module):
    """An encoder of the visible tubelets and a decoder that guesses the pixels of hidden ones.

    Tong et al., "VideoMAE", 2022, arXiv:2203.12602; MCG-NJU/VideoMAE ``modeling_pretrain.py``,
    ``PretrainVisionTransformer``. Dropout and drop path are left out.

    Args:
        in_features: Channels of the clip.
        width: Channels of the encoder.
        depth: Blocks of the encoder.
        num_heads: Heads of the encoder.
        decoder_width: Channels of the decoder.
        decoder_depth: Blocks of the decoder.
        decoder_heads: Heads of the decoder.
        tokens: Tubelets of the clip.
        hidden: Tubelets to guess.
        pixels: Values of a tubelet.
        kernel_size: Tubelet lengths along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        depth: int,
        num_heads: int,
        decoder_width: int,
        decoder_depth: int,
        decoder_heads: int,
        tokens: int,
        hidden: int,
        pixels: int,
        kernel_size: Size = (2, 16, 16),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embed = VisibleEmbedding(
            in_features, width, tokens=tokens, kernel_size=kernel_size, **kinds
        )
        self.encoder = nnx.List(
            JointAttentionBlock(width, num_heads, 4 * width, **kinds) for _ in range(depth)
        )
        self.mask_tokens = MaskTokens(width, decoder_width, tokens=tokens, **kinds)
        self.decoder = nnx.List(
            JointAttentionBlock(decoder_width, decoder_heads, 4 * decoder_width, **kinds)
            for _ in range(decoder_depth)
        )
        self.head = PixelHead(decoder_width, pixels, hidden=hidden, **kinds)

    def __call__(
        self,
        x: Float[Array, "batch t h w in_features"],
        visible: Int[Array, "batch kept"],
        hidden: Int[Array, "batch hidden"],
    ) -> Float[Array, "batch hidden pixels"]:
        """Guess the pixels of the hidden tubelets.

        Args:
            x: The clip.
            visible: Indices of the tubelets that the encoder sees.
            hidden: Indices of the tubelets to guess.
        """
        tokens = self.embed(x, visible)
        for block in self.encoder:
            tokens = block(tokens)
        tokens = self.mask_tokens(tokens, visible, hidden)
        for block in self.decoder:
            tokens = block(tokens)
        return self.head(tokens)
