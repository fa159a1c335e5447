"""What a clip's first layer is made of: tubelets, tables of positions, a token before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Size = tuple[int, int, int]


def sinusoid_table(tokens: int, features: int, dtype: Dtype) -> Float[Array, "tokens features"]:
    """Sines (even channels) and cosines (odd ones) of the token's index.

    Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762, section 3.5.
    """
    wide = jnp.promote_types(dtype, jnp.float32)
    channel = jnp.arange(features)
    frequency = 10000.0 ** -((channel // 2 * 2).astype(wide) / features)
    angle = jnp.arange(tokens, dtype=wide)[:, None] * frequency
    return jnp.where(channel % 2 == 0, jnp.sin(angle), jnp.cos(angle)).astype(dtype)


def learned_table(rngs: nnx.Rngs, tokens: int, features: int, dtype: Dtype) -> nnx.Param[jax.Array]:
    """A parameter for each token and channel, drawn with deviation 0.02."""
    return nnx.Param(0.02 * jax.random.normal(rngs.params(), (tokens, features), dtype))


def prepend(
    token: Float[Array, "1 features"], tokens: Float[Array, "*batch n features"]
) -> Float[Array, "*batch m features"]:
    """Put one token before those of every sequence."""
    shape = (*tokens.shape[:-2], *token.shape)
    return jnp.concatenate([jnp.broadcast_to(token.astype(tokens.dtype), shape), tokens], axis=-2)


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
        kernel_size: Size = (2, 16, 16),
        strides: Size | None = None,
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


class GridEmbedding(nnx.Module):
    """Tubelets normalised and kept as a grid; the clip is padded to whole tubelets.

    Liu et al., "Video Swin Transformer", 2021, arXiv:2106.13230; torchvision
    ``models/video/swin_transformer.py``, ``PatchEmbed3d``.

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a token.
        kernel_size: Tubelet lengths along time, height and width.
        epsilon: Epsilon of the LayerNorm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: Size = (2, 4, 4),
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.kernel_size = kernel_size
        self.proj = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            kernel_size,
            padding="VALID",
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm = nnx.LayerNorm(
            out_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t2 h2 w2 out_features"]:
        """Embed the clip ``x``."""
        lengths = zip(x.shape[1:4], self.kernel_size, strict=True)
        after = [(0, -length % step) for length, step in lengths]
        return self.norm(self.proj(jnp.pad(x, [(0, 0), *after, (0, 0)])))
