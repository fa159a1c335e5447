"""CogVideoX's diffusion transformer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.cogvideox import CogVideoXBlock, CogVideoXEmbedding, CogVideoXHead
from reelbench.layers.conditioning import TimestepEmbedding
from reelbench.layers.denoised import unpatchify
from reelbench.layers.rotary import Grid

if TYPE_CHECKING:
    from jaxtyping import Array, Float

PATCH = (1, 2, 2)


class CogVideoX(nnx.Module):
    """Predicts the velocity in a latent clip, told the text and the diffusion step.

    Yang et al., "CogVideoX: Text-to-Video Diffusion Models with An Expert Transformer", 2024,
    arXiv:2408.06072; diffusers ``cogvideox_transformer_3d.py``, ``CogVideoXTransformer3DModel``.
    The text encoder is not part of it: its output is an input.

    Args:
        features: Width of the tokens.
        depth: Number of blocks.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward networks.
        grid: Frames, height and width of the token grid.
        rotary: Whether positions are given by rotation (5B) or by an added sinusoid (2B).
        channels: Channels of the latent.
        text_features: Width of the text encoder.
        conditioning_features: Width of the embedding of the diffusion step.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        depth: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        *,
        rotary: bool,
        channels: int = 16,
        text_features: int = 4096,
        conditioning_features: int = 512,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid = grid
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype}
        block = partial(
            CogVideoXBlock,
            features,
            num_heads,
            mlp_dim,
            grid,
            rotary=rotary,
            conditioning_features=conditioning_features,
            **kinds,
        )
        self.embedding = CogVideoXEmbedding(
            channels, text_features, features, positions=not rotary, **kinds, rngs=rngs
        )
        self.timestep = TimestepEmbedding(
            conditioning_features, frequency_features=features, **kinds, rngs=rngs
        )
        self.blocks = nnx.List([block(rngs=rngs) for _ in range(depth)])
        self.head = CogVideoXHead(
            features,
            4 * channels,
            conditioning_features=conditioning_features,
            **kinds,
            rngs=rngs,
        )

    def __call__(
        self,
        x: Float[Array, "batch t h w channels"],
        text: Float[Array, "batch text_tokens text_features"],
        timestep: Float[Array, " batch"],
    ) -> Float[Array, "batch t h w channels"]:
        """Predict from the noisy latent ``x``.

        Args:
            x: Noisy latent clip.
            text: Encoded text.
            timestep: Diffusion step, 0 to 1000.
        """
        tokens, text = self.embedding(x, text)
        conditioning = self.timestep(timestep)
        for block in self.blocks:
            tokens, text = block(tokens, text, conditioning)
        patches = self.head(tokens, conditioning)
        return unpatchify(patches, self.grid, PATCH, "channels first")
