"""Embedding: a clip becomes a sequence of tokens, with class tokens and position tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.embedding_frames import DividedEmbedding, FrameEmbedding, FrameSummary
from reelbench.layers.embedding_tubelets import (
    GridEmbedding,
    Size,
    TubeletEmbedding,
    learned_table,
    prepend,
    sinusoid_table,
)

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = [
    "ClipEmbedding",
    "DividedEmbedding",
    "FrameEmbedding",
    "FrameSummary",
    "GridEmbedding",
    "TubeletEmbedding",
]


class ClipEmbedding(nnx.Module):
    """Tubelets with their positions, after a class token if there is one.

    VideoMAE adds sines and cosines (``modeling_finetune.py``, ``VisionTransformer``). ViViT
    (Arnab et al. 2021, arXiv:2103.15691; scenic ``projects/vivit/model.py``, ``ViViT``) learns a
    class token and a table with a row for it and for each tubelet. MViT has a class token and,
    where attention knows relative positions, no table (torchvision ``models/video/mvit.py``).

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a token.
        tokens: Tubelets of the clip.
        kernel_size: Tubelet lengths along time, height and width.
        strides: Distances between tubelets; by default they tile the clip.
        padding: Zeros before and after each axis.
        positions: What is added for a token's position: a learned row, sines and cosines, nothing.
        class_token: Whether a learned token stands before the tubelets.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        tokens: int,
        kernel_size: Size = (2, 16, 16),
        strides: Size | None = None,
        padding: Sequence[tuple[int, int]] = ((0, 0), (0, 0), (0, 0)),
        positions: Literal["learned", "sinusoid", "none"] = "sinusoid",
        class_token: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.positions, self.class_token = positions, class_token
        self.tubelets = TubeletEmbedding(
            in_features,
            out_features,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        if class_token:
            self.cls = nnx.Param(jnp.zeros((1, out_features), param_dtype))
        if positions == "learned":
            self.table = learned_table(rngs, tokens + class_token, out_features, param_dtype)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch tokens out_features"]:
        """Embed the clip ``x``; the class token, if there is one, comes first."""
        tokens = self.tubelets(x)
        if self.class_token:
            tokens = prepend(self.cls[...], tokens)
        if self.positions == "learned":
            tokens += self.table[...].astype(tokens.dtype)
        elif self.positions == "sinusoid":
            tokens += sinusoid_table(tokens.shape[1], tokens.shape[2], tokens.dtype)
        return tokens
