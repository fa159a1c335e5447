"""VideoMamba."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.scan import FirstTokenHead, FrameEmbedding, MambaBlock

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class VisionMamba(nnx.Module):
    """Bidirectional selective scans over the tokens of all frames, one after the other.

    Li et al., "VideoMamba", 2024, arXiv:2403.06977; OpenGVLab/VideoMamba
    ``video_sm/models/videomamba.py``, ``VisionMamba``. Dropout and stochastic depth are left out.

    Args:
        stem: Options of the `FrameEmbedding`.
        depth: Blocks.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        stem: Mapping[str, Any],
        depth: int,
        *,
        num_classes: int = 400,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        width = stem["out_features"]
        self.stem = FrameEmbedding(**stem, **kinds)
        self.blocks = nnx.List([MambaBlock(width, **kinds) for _ in range(depth)])
        self.head = FirstTokenHead(width, num_classes, **kinds)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the clip ``x``."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)
