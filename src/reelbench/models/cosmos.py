"""Cosmos 1.0's diffusion transformer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.cosmos import CosmosBlock, CosmosEmbedding, CosmosTimestep
from reelbench.layers.denoised import CosmosHead, unpatchify
from reelbench.layers.rotary import Grid

if TYPE_CHECKING:
    from jaxtyping import Array, Float

PATCH = (1, 2, 2)


class Cosmos(nnx.Module):
    """Denoises a latent clip, told the text and the noise level.

    NVIDIA, "Cosmos World Foundation Model Platform for Physical AI", 2025, arXiv:2501.03575;
    diffusers ``transformer_cosmos.py``, ``CosmosTransformer3DModel``. The text encoder is not part
    of it: its output is an input.

    Args:
        features: Width of the tokens.
        depth: Number of blocks.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward networks.
        grid: Frames, height and width of the token grid.
        channels: Channels of the latent.
        text_features: Width of the text encoder.
        modulation_features: Width inside the low-rank modulations.
        rope_scale: Stretch of the slowest rotary wavelength along time, height and width.
        longest: Frames, height and width of the largest grid of tokens.
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
        channels: int = 16,
        text_features: int = 1024,
        modulation_features: int = 256,
        rope_scale: tuple[float, float, float] = (2.0, 1.0, 1.0),
        longest: Grid = (128, 120, 120),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid = grid
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype}
        block = partial(
            CosmosBlock,
            features,
            num_heads,
            mlp_dim,
            grid,
            text_features=text_features,
            modulation_features=modulation_features,
            rope_scale=rope_scale,
            **kinds,
        )
        self.embedding = CosmosEmbedding(
            channels + 1, features, patch=PATCH, longest=longest, **kinds, rngs=rngs
        )
        self.timestep = CosmosTimestep(features, **kinds, rngs=rngs)
        self.blocks = nnx.List([block(rngs=rngs) for _ in range(depth)])
        self.head = CosmosHead(
            features, 4 * channels, modulation_features=modulation_features, **kinds, rngs=rngs
        )

    def __call__(
        self,
        x: Float[Array, "batch t h w channels"],
        text: Float[Array, "batch text_tokens text_features"],
        timestep: Float[Array, " batch"],
        padding: Float[Array, "batch t h w 1"] | None = None,
    ) -> Float[Array, "batch t h w channels"]:
        """Predict from the noisy latent ``x``.

        Args:
            x: Noisy latent clip.
            text: Encoded text.
            timestep: Logarithm of the noise level, divided by four.
            padding: One where a latent is padding; by default none is.
        """
        padding = jnp.zeros_like(x[..., :1]) if padding is None else padding
        tokens, position = self.embedding(jnp.concatenate([x, padding], axis=-1))
        embedded, modulation = self.timestep(timestep)
        for block in self.blocks:
            tokens = block(tokens, text, embedded, modulation, position)
        return unpatchify(self.head(tokens, embedded, modulation), self.grid, PATCH)
