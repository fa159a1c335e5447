"""Plain video Vision Transformers: blocks of one kind over tokens of one width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.attention import ClassifierHead, FrameAttentionBlock, JointAttentionBlock
from reelbench.layers.divided import FactorisedAttentionBlock, FactorisedHeadsBlock
from reelbench.layers.embedding import ClipEmbedding, FrameEmbedding, FrameSummary
from reelbench.layers.multihead import Bias

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Size = tuple[int, int, int]


class VisionTransformer(nnx.Module):
    """Every tubelet of a clip sees every other: VideoMAE's classifier, and ViViT's first model.

    Tong et al., "VideoMAE", 2022, arXiv:2203.12602; MCG-NJU/VideoMAE ``modeling_finetune.py``,
    ``VisionTransformer``. Arnab et al., "ViViT", 2021, arXiv:2103.15691; scenic
    ``projects/vivit/model.py``, ``ViViT``. Dropout and drop path are left out.

    Args:
        in_features: Channels of the clip.
        width: Channels of a token.
        depth: Number of blocks.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLPs.
        tokens: Tubelets of the clip.
        kernel_size: Tubelet lengths along time, height and width.
        positions: What is added for a token's position: a learned row, or sines and cosines.
        class_token: Whether a learned token stands before the tubelets.
        qkv_bias: Whether queries, keys and values have a bias; ``"qv"`` gives the keys none.
        gelu: The GELU by the error function, or its tanh approximation.
        pool: Whether the head sees the first token or the mean.
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
        tokens: int,
        kernel_size: Size = (2, 16, 16),
        positions: Literal["learned", "sinusoid", "none"] = "sinusoid",
        class_token: bool = False,
        qkv_bias: Bias = "qv",
        gelu: Literal["exact", "tanh"] = "exact",
        pool: Literal["first", "mean"] = "mean",
        num_classes: int = 400,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embed = ClipEmbedding(
            in_features,
            width,
            tokens=tokens,
            kernel_size=kernel_size,
            positions=positions,
            class_token=class_token,
            **kinds,
        )
        self.blocks = nnx.List(
            JointAttentionBlock(width, num_heads, mlp_dim, qkv_bias=qkv_bias, gelu=gelu, **kinds)
            for _ in range(depth)
        )
        self.head = ClassifierHead(width, num_classes, pool=pool, **kinds)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the clip ``x``."""
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class FactorisedEncoder(nnx.Module):
    """A transformer for each frame, then one over what the frames say: ViViT's second model.

    Arnab et al., "ViViT", 2021, arXiv:2103.15691; scenic ``projects/vivit/model.py``,
    ``SpaceTimeViViT``. Dropout and drop path are left out.

    Args:
        in_features: Channels of the clip.
        width: Channels of a token.
        depths: Blocks over space and over time.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLPs.
        num_frames: Tubelets along time.
        places: Tubelets of a frame.
        kernel_size: Tubelet lengths along time, height and width.
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
        depths: tuple[int, int],
        num_heads: int,
        mlp_dim: int,
        num_frames: int,
        places: int,
        kernel_size: Size = (2, 16, 16),
        num_classes: int = 400,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embed = FrameEmbedding(
            in_features, width, places=places, kernel_size=kernel_size, **kinds
        )
        self.space = nnx.List(
            FrameAttentionBlock(width, num_heads, mlp_dim, gelu="tanh", **kinds)
            for _ in range(depths[0])
        )
        self.summary = FrameSummary(width, num_frames=num_frames, **kinds)
        self.time = nnx.List(
            JointAttentionBlock(width, num_heads, mlp_dim, qkv_bias=True, gelu="tanh", **kinds)
            for _ in range(depths[1])
        )
        self.head = ClassifierHead(width, num_classes, **kinds)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the clip ``x``."""
        x = self.embed(x)
        for block in self.space:
            x = block(x)
        x = self.summary(x)
        for later in self.time:
            x = later(x)
        return self.head(x)


class FactorisedTransformer(nnx.Module):
    """Blocks that factorise attention over time and space: ViViT's third and fourth models.

    Arnab et al., "ViViT", 2021, arXiv:2103.15691; scenic ``projects/vivit/model.py``, ``ViViT``
    with ``factorized_self_attention_block`` or ``factorized_dot_product_attention``. Dropout and
    drop path are left out.

    Args:
        in_features: Channels of the clip.
        width: Channels of a token.
        depth: Number of blocks.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLPs.
        num_frames: Tubelets along time.
        places: Tubelets of a frame.
        kernel_size: Tubelet lengths along time, height and width.
        share: Whether time and space have attention ``layers`` of their own, or half of the
            ``heads`` each.
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
        num_frames: int,
        places: int,
        kernel_size: Size = (2, 16, 16),
        share: Literal["layers", "heads"] = "layers",
        num_classes: int = 400,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.grid = (num_frames, places)
        self.embed = ClipEmbedding(
            in_features,
            width,
            tokens=num_frames * places,
            kernel_size=kernel_size,
            positions="learned",
            **kinds,
        )
        block = FactorisedAttentionBlock if share == "layers" else FactorisedHeadsBlock
        self.blocks = nnx.List(block(width, num_heads, mlp_dim, **kinds) for _ in range(depth))
        self.head = ClassifierHead(width, num_classes, pool="mean-after-norm", **kinds)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the clip ``x``."""
        flat = self.embed(x)
        grid = flat.reshape(flat.shape[0], *self.grid, flat.shape[-1])
        for block in self.blocks:
            grid = block(grid)
        return self.head(grid.reshape(flat.shape))
