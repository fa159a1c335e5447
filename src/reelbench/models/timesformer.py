"""TimeSformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.attention import ClassifierHead, FrameAttentionBlock, JointAttentionBlock
from reelbench.layers.axial import AxialAttentionBlock
from reelbench.layers.divided import DividedAttentionBlock
from reelbench.layers.embedding import DividedEmbedding, FrameEmbedding

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Attention = Literal["divided", "joint", "space", "axial"]


class TimeSformer(nnx.Module):
    """A Vision Transformer for images, made to attend over time.

    Bertasius et al., "Is Space-Time Attention All You Need for Video Understanding?", 2021,
    arXiv:2102.05095; facebookresearch/TimeSformer ``timesformer/models/vit.py``,
    ``VisionTransformer``. Over space only, every frame is a sequence of its own until the head,
    which sees their mean. Dropout and drop path are left out.

    Args:
        in_features: Channels of the clip.
        width: Channels of a token.
        depth: Number of blocks.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLPs.
        grid: Frames, and patches along height and width.
        patch_size: Height and width of a patch.
        attention: Over time then space, over all tokens, over space, or axis by axis.
        num_classes: Classes.
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
        mlp_dim: int,
        grid: tuple[int, int, int],
        patch_size: int = 16,
        attention: Attention = "divided",
        num_classes: int = 400,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        frames, places = grid[0], grid[1] * grid[2]

        def block() -> nnx.Module:
            sizes: dict[str, Any] = {
                "in_features": width,
                "num_heads": num_heads,
                "mlp_dim": mlp_dim,
                **kinds,
            }
            if attention == "divided":
                return DividedAttentionBlock(num_frames=frames, **sizes)
            if attention == "joint":
                return JointAttentionBlock(qkv_bias=True, **sizes)
            if attention == "space":
                return FrameAttentionBlock(**sizes)
            return AxialAttentionBlock(grid=grid, **sizes)

        self.by_frame = attention == "space"
        self.embed: nnx.Module
        if self.by_frame:
            kernel = (1, patch_size, patch_size)
            self.embed = FrameEmbedding(
                in_features, width, places=places, kernel_size=kernel, **kinds
            )
        else:
            self.embed = DividedEmbedding(
                in_features,
                width,
                places=places,
                num_frames=frames,
                patch_size=patch_size,
                **kinds,
            )
        self.blocks = nnx.List(block() for _ in range(depth))
        self.head = ClassifierHead(width, num_classes, **kinds)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the clip ``x``."""
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(axis=1) if self.by_frame else x)
