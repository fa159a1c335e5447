"""Mochi 1's diffusion transformer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.denoised import ModulatedHead, unpatchify
from reelbench.layers.mochi import MochiBlock, MochiConditioning, MochiEmbedding

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float

PATCH = (1, 2, 2)


class Mochi(nnx.Module):
    """Predicts the velocity in a latent clip, told the text and the diffusion step.

    Genmo Team, "Mochi 1", 2024; genmoai/mochi
    ``src/genmo/mochi_preview/dit/joint_model/asymm_models_joint.py``, ``AsymmDiTJoint``; diffusers
    ``transformer_mochi.py``, ``MochiTransformer3DModel``. The text encoder is not part of it: its
    output is an input.

    Args:
        features: Width of the video tokens.
        text_width: Width of the text tokens in the blocks.
        depth: Number of blocks; the last leaves the text as it is.
        num_heads: Attention heads.
        mlp_dim: Width inside the video's feed-forward networks.
        text_mlp_dim: Width inside the text's.
        channels: Channels of the latent.
        text_features: Width of the text encoder.
        pooling_heads: Heads of the attention that pools the text.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        text_width: int,
        depth: int,
        num_heads: int,
        mlp_dim: int,
        text_mlp_dim: int,
        *,
        channels: int = 12,
        text_features: int = 4096,
        pooling_heads: int = 8,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype}
        block = partial(MochiBlock, features, text_width, num_heads, mlp_dim, text_mlp_dim, **kinds)
        self.embedding = MochiEmbedding(channels, features, num_heads, **kinds, rngs=rngs)
        self.conditioning = MochiConditioning(
            text_features, features, text_width, num_heads=pooling_heads, **kinds, rngs=rngs
        )
        self.blocks = nnx.List([block(rngs=rngs) for _ in range(depth - 1)])
        self.last = block(updates_text=False, rngs=rngs)
        self.head = ModulatedHead(features, 4 * channels, **kinds, rngs=rngs)

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
        tokens, angles = self.embedding(x)
        conditioning, words = self.conditioning(timestep, text, text_mask)
        for block in self.blocks:
            tokens, words = block(tokens, words, conditioning, angles, text_mask)
        tokens, _ = self.last(tokens, words, conditioning, angles, text_mask)
        grid = (x.shape[1], x.shape[2] // 2, x.shape[3] // 2)
        return unpatchify(self.head(tokens, conditioning), grid, PATCH)
