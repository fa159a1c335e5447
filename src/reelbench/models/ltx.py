"""LTX-Video's diffusion transformer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import SharedModulation, TextProjection
from reelbench.layers.denoised import TableHead
from reelbench.layers.embedding import TubeletEmbedding
from reelbench.layers.ltx import LTXBlock
from reelbench.layers.rotary import Grid

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class LTX(nnx.Module):
    """Predicts the noise (or velocity) in a latent clip, told the text and the diffusion step.

    HaCohen et al., "LTX-Video: Realtime Video Latent Diffusion", 2024, arXiv:2501.00103; diffusers
    ``transformer_ltx.py``, ``LTXVideoTransformer3DModel``. Every latent is a token. The text
    encoder is not part of it: its output is an input.

    Args:
        features: Width of the tokens.
        depth: Number of blocks.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward networks.
        grid: Frames, height and width of the latent.
        channels: Channels of the latent.
        text_features: Width of the text encoder.
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
        channels: int = 128,
        text_features: int = 4096,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embedding = TubeletEmbedding(channels, features, kernel_size=(1, 1, 1), **common)
        self.timestep = SharedModulation(features, **common)
        self.text = TextProjection(text_features, features, **common)
        block = partial(
            LTXBlock,
            features,
            num_heads,
            mlp_dim,
            grid,
            dtype=dtype,
            param_dtype=param_dtype,
        )
        self.blocks = nnx.List([block(rngs=rngs) for _ in range(depth)])
        self.head = TableHead(features, channels, **common)

    def __call__(
        self,
        x: Float[Array, "batch t h w channels"],
        text: Float[Array, "batch text_tokens text_features"],
        timestep: Float[Array, " batch"],
        text_mask: Bool[Array, "batch text_tokens"] | None = None,
    ) -> Float[Array, "batch t h w channels"]:
        """Predict from the noisy latent ``x``.

        Args:
            x: Noisy latent clip.
            text: Encoded text.
            timestep: Diffusion step, 0 to 1000.
            text_mask: Which text tokens are not padding.
        """
        tokens, text = self.embedding(x), self.text(text)
        embedded, modulation = self.timestep(timestep)
        for block in self.blocks:
            tokens = block(tokens, text, modulation, text_mask)
        return self.head(tokens, embedded).reshape(x.shape)
