"""HunyuanVideo's diffusion transformer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.denoised import ModulatedHead, unpatchify
from reelbench.layers.embedding import TubeletEmbedding
from reelbench.layers.mmdit import HunyuanDualBlock, HunyuanSingleBlock
from reelbench.layers.refiner import PooledEmbedding, TokenRefiner
from reelbench.layers.rotary import Grid

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float

PATCH = (1, 2, 2)


class HunyuanVideo(nnx.Module):
    """Predicts the velocity in a latent clip, told the text, the diffusion step and the guidance.

    Kong et al., "HunyuanVideo: A Systematic Framework For Large Video Generative Models", 2024,
    arXiv:2412.03603; Tencent/HunyuanVideo ``hyvideo/modules/models.py``,
    ``HYVideoDiffusionTransformer``; diffusers ``transformer_hunyuan_video.py``,
    ``HunyuanVideoTransformer3DModel``. The text encoders are not part of it: their outputs are
    inputs.

    Args:
        features: Width of the tokens.
        depth: Number of dual-stream blocks.
        single_depth: Number of single-stream blocks.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward networks.
        grid: Frames, height and width of the token grid.
        channels: Channels of the latent.
        text_features: Width of the language model that encodes the text.
        pooled_features: Width of CLIP's vector for the whole text.
        refiner_depth: Number of blocks of the token refiner.
        rotary_features: Features of a head that turn with time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        depth: int,
        single_depth: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        *,
        channels: int = 16,
        text_features: int = 4096,
        pooled_features: int = 768,
        refiner_depth: int = 2,
        rotary_features: tuple[int, int, int] = (16, 56, 56),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid = grid
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype}
        sizes = (features, num_heads, mlp_dim, grid)
        dual = partial(HunyuanDualBlock, *sizes, rotary_features=rotary_features, **kinds)
        single = partial(HunyuanSingleBlock, *sizes, rotary_features=rotary_features, **kinds)
        self.embedding = TubeletEmbedding(channels, features, kernel_size=PATCH, **kinds, rngs=rngs)
        self.refiner = TokenRefiner(
            text_features,
            features,
            num_heads,
            mlp_dim,
            depth=refiner_depth,
            **kinds,
            rngs=rngs,
        )
        self.conditioning = PooledEmbedding(
            pooled_features, features, guidance=True, **kinds, rngs=rngs
        )
        self.dual_blocks = nnx.List([dual(rngs=rngs) for _ in range(depth)])
        self.single_blocks = nnx.List([single(rngs=rngs) for _ in range(single_depth)])
        self.head = ModulatedHead(features, 4 * channels, **kinds, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "batch t h w channels"],
        text: Float[Array, "batch text_tokens text_features"],
        pooled: Float[Array, "batch pooled_features"],
        timestep: Float[Array, " batch"],
        guidance: Float[Array, " batch"],
        text_mask: Bool[Array, "batch text_tokens"] | None = None,
    ) -> Float[Array, "batch t h w channels"]:
        """Predict from the noisy latent ``x``.

        Args:
            x: Noisy latent clip.
            text: Encoded text.
            pooled: One vector for the whole text.
            timestep: Diffusion step, 0 to 1000.
            guidance: Strength of the guidance that is distilled into the model, times 1000.
            text_mask: Which text tokens are not padding.
        """
        tokens = self.embedding(x)
        video_tokens = tokens.shape[1]
        text = self.refiner(text, timestep, text_mask)
        conditioning = self.conditioning(timestep, pooled, guidance)
        for dual in self.dual_blocks:
            tokens, text = dual(tokens, text, conditioning, text_mask)
        tokens = jnp.concatenate([tokens, text], axis=1)
        for single in self.single_blocks:
            tokens = single(tokens, conditioning, text_mask)
        patches = self.head(tokens[:, :video_tokens], conditioning)
        return unpatchify(patches, self.grid, PATCH, "channels first")
