"""Multiscale Vision Transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.pooled import ClassTokenHead, MultiscaleEmbedding, PooledAttentionBlock

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class MViT(nnx.Module):
    """An embedding of overlapping patches, blocks of pooled attention, and a head.

    Fan et al., "Multiscale Vision Transformers", 2021, arXiv:2104.11227; Li et al., "MViTv2", 2022,
    arXiv:2112.01526; torchvision ``models/video/mvit.py``, ``MViT``. Dropout and stochastic depth
    are left out.

    Args:
        stem: Options of the `MultiscaleEmbedding`.
        blocks: Options of each `PooledAttentionBlock`.
        num_classes: Classes.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        stem: Mapping[str, Any],
        blocks: Sequence[Mapping[str, Any]],
        *,
        num_classes: int = 400,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.stem = MultiscaleEmbedding(**stem, **kinds)
        self.blocks = nnx.List([PooledAttentionBlock(**block, **kinds) for block in blocks])
        width = blocks[-1].get("out_features", blocks[-1]["in_features"])
        self.head = ClassTokenHead(width, num_classes, **kinds)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the clip ``x``."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)
