"""Joint space-time attention: every token of the clip attends to every other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.attention_parts import (
    AttentivePooler,
    ClassifierHead,
    CrossAttentionBlock,
    TokenNorm,
)
from reelbench.layers.multihead import MLP, Bias, MultiHead, attend

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

__all__ = [
    "AttentivePooler",
    "ClassifierHead",
    "CrossAttentionBlock",
    "FrameAttentionBlock",
    "JointAttentionBlock",
    "TokenNorm",
    "rotate",
]

Grid = tuple[int, int, int]


def rotate(
    x: Float[Array, "batch n heads head_dim"],
    positions: Int[Array, "#batch n"],
    grid: Grid,
) -> Float[Array, "batch n heads head_dim"]:
    """Rotate pairs of channels by the token's time, row and column (3-D RoPE of V-JEPA 2).

    Each axis turns the largest even third of the channels; what is left over stays as it is.
    facebookresearch/vjepa2 ``src/models/utils/modules.py``, ``RoPEAttention``.

    Args:
        x: Queries or keys.
        positions: Index of each token in the flat grid.
        grid: Tokens along time, height and width.
    """
    _, height, width = grid
    axes = (positions // (height * width), positions // width % height, positions % width)
    half = x.shape[-1] // 3 // 2
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    frequencies = 10000.0 ** -(jnp.arange(half, dtype=dtype) / half)
    parts = []
    for axis, position in enumerate(axes):
        part = x[..., axis * 2 * half : (axis + 1) * 2 * half].astype(dtype)
        angle = position[..., None, None] * frequencies
        # As published: the frequencies are repeated as a whole although neighbours are paired, so
        # the two channels of a pair turn by different angles.
        angle = jnp.concatenate([angle, angle], axis=-1)
        even, odd = part[..., 0::2], part[..., 1::2]
        turned = jnp.stack([-odd, even], axis=-1).reshape(part.shape)
        parts.append(part * jnp.cos(angle) + turned * jnp.sin(angle))
    return jnp.concatenate([*(part.astype(x.dtype) for part in parts), x[..., 6 * half :]], axis=-1)


class JointAttentionBlock(nnx.Module):
    """A pre-norm Vision Transformer block over all tokens of a clip.

    Tong et al., "VideoMAE", 2022, arXiv:2203.12602; MCG-NJU/VideoMAE ``modeling_finetune.py``,
    ``Block``: queries and values have a bias, keys have none, GELU is exact. ViViT (Arnab et al.
    2021, arXiv:2103.15691; scenic ``projects/vivit/model.py``, ``EncoderBlock``) has
    ``qkv_bias=True`` and ``gelu="tanh"``; V-JEPA 2 (arXiv:2506.09985) ``qkv_bias=True`` and
    ``rotary_grid``.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        qkv_bias: Whether queries, keys and values have a bias; ``"qv"`` gives the keys none.
        gelu: The GELU by the error function, or its tanh approximation.
        epsilon: Epsilon of the LayerNorms.
        rotary_grid: Tokens along time, height and width, to rotate queries and keys by position.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        *,
        qkv_bias: Bias = "qv",
        gelu: Literal["exact", "tanh"] = "exact",
        epsilon: float = 1e-6,
        rotary_grid: Grid | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.rotary_grid = rotary_grid
        self.norm1 = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.attn = MultiHead(
            in_features,
            num_heads,
            qkv_bias=qkv_bias,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm2 = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.mlp = MLP(
            in_features, mlp_dim, gelu=gelu, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self,
        x: Float[Array, "batch n in_features"],
        positions: Int[Array, "#batch n"] | None = None,
    ) -> Float[Array, "batch n in_features"]:
        """Mix the tokens ``x``.

        Args:
            x: Tokens, in any order unless ``rotary_grid`` is given.
            positions: Index of each token in the flat rotary grid, for a clip of which only some
                tokens are kept; by default token ``i`` is at ``i``.
        """
        query, key, value = self.attn.split(self.norm1(x))
        if self.rotary_grid is not None:
            if positions is None:
                positions = jnp.arange(x.shape[1])[None]
            query = rotate(query, positions, self.rotary_grid)
            key = rotate(key, positions, self.rotary_grid)
        x = x + self.attn.merge(attend(query, key, value))
        return x + self.mlp(self.norm2(x))


class FrameAttentionBlock(nnx.Module):
    """`JointAttentionBlock` for each frame by itself, with the same weights.

    The spatial encoder of ViViT's factorised encoder (Arnab et al. 2021, arXiv:2103.15691; scenic
    ``projects/vivit/model.py``, ``SpaceTimeViViT``) and the space-only TimeSformer (Bertasius et
    al. 2021, arXiv:2102.05095; facebookresearch/TimeSformer ``timesformer/models/vit.py``).

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        gelu: The GELU by the error function, or its tanh approximation.
        epsilon: Epsilon of the LayerNorms.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        *,
        gelu: Literal["exact", "tanh"] = "exact",
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.block = JointAttentionBlock(
            in_features,
            num_heads,
            mlp_dim,
            qkv_bias=True,
            gelu=gelu,
            epsilon=epsilon,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch frames n in_features"]
    ) -> Float[Array, "batch frames n in_features"]:
        """Mix the tokens of each frame."""
        return self.block(x.reshape(-1, *x.shape[2:])).reshape(x.shape)
