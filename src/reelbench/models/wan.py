"""Wan's video diffusion transformer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import ImageProjection, SharedModulation, TextProjection
from reelbench.layers.denoised import TableHead, unpatchify
from reelbench.layers.dit import WanBlock
from reelbench.layers.embedding import TubeletEmbedding
from reelbench.layers.rotary import Grid

if TYPE_CHECKING:
    from jaxtyping import Array, Float

PATCH = (1, 2, 2)


class Wan(nnx.Module):
    """Predicts the noise (or velocity) in a latent clip, told the text and the diffusion step.

    Wan Team, "Wan: Open and Advanced Large-Scale Video Generative Models", 2025, arXiv:2503.20314;
    Wan-Video/Wan2.1 ``wan/modules/model.py``, ``WanModel``; diffusers ``transformer_wan.py``,
    ``WanTransformer3DModel``. The text encoder and, for image to video, the image encoder are not
    part of it: their outputs are inputs.

    Args:
        features: Width of the tokens.
        depth: Number of blocks.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward networks.
        grid: Frames, height and width of the token grid.
        in_channels: Channels of the latent; for image to video, of mask and first frame too.
        out_channels: Channels of the prediction.
        text_features: Width of the text encoder.
        image_features: Width of the image encoder, for image to video.
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
        in_channels: int = 16,
        out_channels: int = 16,
        text_features: int = 4096,
        image_features: int | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid = grid
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embedding = TubeletEmbedding(in_channels, features, kernel_size=PATCH, **common)
        self.timestep = SharedModulation(features, **common)
        self.text = TextProjection(text_features, features, **common)
        self.image = ImageProjection(image_features, features, **common) if image_features else None
        block = partial(
            WanBlock,
            features,
            num_heads,
            mlp_dim,
            grid,
            image=image_features is not None,
            dtype=dtype,
            param_dtype=param_dtype,
        )
        self.blocks = nnx.List([block(rngs=rngs) for _ in range(depth)])
        self.head = TableHead(features, 4 * out_channels, **common)

    def __call__(
        self,
        x: Float[Array, "batch t h w in_channels"],
        text: Float[Array, "batch text_tokens text_features"],
        timestep: Float[Array, " batch"],
        image: Float[Array, "batch image_tokens image_features"] | None = None,
    ) -> Float[Array, "batch t h w out_channels"]:
        """Predict from the noisy latent ``x``.

        Args:
            x: Noisy latent clip.
            text: Encoded text.
            timestep: Diffusion step, 0 to 1000.
            image: Encoded first frame, for image to video.
        """
        tokens, text = self.embedding(x), self.text(text)
        embedded, modulation = self.timestep(timestep)
        if self.image is not None and image is not None:
            image = self.image(image)
        for block in self.blocks:
            tokens = block(tokens, text, modulation, image)
        return unpatchify(self.head(tokens, embedded), self.grid, PATCH)
