"""Divided space-time attention: each token attends over time, then over its frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.divided_factorised import FactorisedAttentionBlock, FactorisedHeadsBlock
from reelbench.layers.multihead import MLP, MultiHead

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = ["DividedAttentionBlock", "FactorisedAttentionBlock", "FactorisedHeadsBlock"]


class DividedAttentionBlock(nnx.Module):
    """A block of TimeSformer: attention over time, attention over space, MLP.

    Bertasius et al., "Is Space-Time Attention All You Need for Video Understanding?", 2021,
    arXiv:2102.05095; facebookresearch/TimeSformer ``timesformer/models/vit.py``, ``Block`` with
    ``divided_space_time``. The class token takes no part in the attention over time; it attends
    with each frame by itself, and the frames' answers are averaged.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        num_frames: Frames of tokens in the clip.
        qkv_bias: Whether queries, keys and values have a bias.
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
        num_frames: int,
        qkv_bias: bool = True,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def norm() -> nnx.LayerNorm:
            return nnx.LayerNorm(
                in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        def attention() -> MultiHead:
            return MultiHead(
                in_features,
                num_heads,
                qkv_bias=qkv_bias,
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )

        self.num_frames = num_frames
        self.temporal_norm1 = norm()
        self.temporal_attn = attention()
        self.temporal_fc = nnx.Linear(
            in_features, in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.norm1 = norm()
        self.attn = attention()
        self.norm2 = norm()
        self.mlp = MLP(in_features, mlp_dim, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch tokens in_features"]
    ) -> Float[Array, "batch tokens in_features"]:
        """Mix the tokens ``x``: the class token, then frame after frame of each place in turn.

        Time runs fastest: token ``1 + place * num_frames + frame``.
        """
        batch, _, width = x.shape
        frames = self.num_frames
        cls, patches = x[:, :1], x[:, 1:]

        over_time = patches.reshape(-1, frames, width)
        change = self.temporal_attn(self.temporal_norm1(over_time))
        patches = patches + self.temporal_fc(change.reshape(patches.shape))

        by_frame = patches.reshape(batch, -1, frames, width).swapaxes(1, 2)
        cls_by_frame = jnp.broadcast_to(cls[:, None], (batch, frames, 1, width))
        frame = jnp.concatenate([cls_by_frame, by_frame], axis=2)
        change = self.attn(self.norm1(frame).reshape(batch * frames, -1, width))
        change = change.reshape(frame.shape)
        cls_change = change[:, :, 0].mean(axis=1, keepdims=True)
        patch_change = change[:, :, 1:].swapaxes(1, 2).reshape(patches.shape)

        x = jnp.concatenate([cls + cls_change, patches + patch_change], axis=1)
        return x + self.mlp(self.norm2(x))
