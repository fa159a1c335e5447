"""Video Swin Transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.windowed import PatchEmbedding3D, PatchMerging, PooledHead, SwinBlock3D

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Size = tuple[int, int, int]


class SwinTransformer3D(nnx.Module):
    """Stages of windowed attention over patches of a clip, with merging between them.

    Liu et al., "Video Swin Transformer", 2022, arXiv:2106.13230; torchvision
    ``models/video/swin_transformer.py``, ``SwinTransformer3d``. Every second block shifts its
    windows by half a window. Dropout and stochastic depth are left out.

    Args:
        in_features: Channels of the clip.
        width: Channels of the first stage; every further stage has twice those of the one before.
        depths: Blocks of each stage.
        num_heads: Heads of each stage.
        window: Window lengths along time, height and width.
        patch: Patch lengths along time, height and width.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        depths: tuple[int, ...],
        num_heads: tuple[int, ...],
        *,
        window: Size = (8, 7, 7),
        patch: Size = (2, 4, 4),
        num_classes: int = 400,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype}
        half = (window[0] // 2, window[1] // 2, window[2] // 2)
        self.stem = PatchEmbedding3D(in_features, width, patch=patch, **kinds, rngs=rngs)
        stages: list[nnx.Module] = []
        for stage, (depth, heads) in enumerate(zip(depths, num_heads, strict=True)):
            if stage > 0:
                stages.append(PatchMerging(width, **kinds, rngs=rngs))
                width *= 2
            stages += [
                SwinBlock3D(
                    width,
                    heads,
                    4 * width,
                    window=window,
                    shift=half if number % 2 else (0, 0, 0),
                    **kinds,
                    rngs=rngs,
                )
                for number in range(depth)
            ]
        self.stages = nnx.List(stages)
        self.head = PooledHead(width, num_classes, **kinds, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the clip ``x``."""
        x = self.stem(x)
        for layer in self.stages:
            x = layer(x)
        return self.head(x)
