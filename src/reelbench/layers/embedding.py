"""Tubelet embedding: a clip becomes a sequence of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class TubeletEmbedding(nnx.Module):
    """One token for each tubelet of the clip: a strided convolution, then time, height, width flat.

    Tong et al., "VideoMAE", 2022, arXiv:2203.12602; MCG-NJU/VideoMAE ``modeling_finetune.py``,
    ``PatchEmbed``. With ``strides`` and ``padding`` it is the overlapping embedding of MViT too.

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a token.
        kernel_size: Tubelet lengths along time, height and width.
        strides: Distances between tubelets; by default they tile the clip.
        padding: Zeros before and after each axis.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int, int] = (2, 16, 16),
        strides: tuple[int, int, int] | None = None,
        padding: Sequence[tuple[int, int]] = ((0, 0), (0, 0), (0, 0)),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.proj = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            strides or kernel_size,
            padding=tuple(padding),
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch tokens out_features"]:
        """Embed the clip ``x``; a remainder shorter than a tubelet is dropped."""
        grid = self.proj(x)
        return grid.reshape(grid.shape[0], -1, grid.shape[-1])
