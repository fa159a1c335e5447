"""Spatial attention within each frame, causal attention over time at each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.multihead import MLP, MultiHead
from reelbench.layers.spacetime_ends import MaskedTokenEmbedding, TokenLogits

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = ["MaskedTokenEmbedding", "STBlock", "TokenLogits"]


class STBlock(nnx.Module):
    """A block of a world model: attention over space, causal attention over time, MLP.

    Bruce et al., "Genie", 2024, arXiv:2402.15391, figure 4; 1x-technologies/1xgpt
    ``genie/st_transformer.py``, ``STBlock``. There is a LayerNorm before the attention over space
    and before the MLP but none before the attention over time; with ``qk_norm`` those two give way
    to one over the queries and keys of each attention.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        head_dim: Channels of a head; by default the token's channels shared out among the heads.
        qkv_bias: Whether queries, keys and values have a bias.
        proj_bias: Whether the attentions' output projections have a bias.
        mlp_bias: Whether the MLP has biases.
        qk_norm: Whether queries and keys are normalised, instead of the block's inputs.
        use_mup: Whether logits are scaled by 8 / head_dim (µP) instead of its inverse root.
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
        head_dim: int | None = None,
        qkv_bias: bool = False,
        proj_bias: bool = True,
        mlp_bias: bool = True,
        qk_norm: bool = False,
        use_mup: bool = False,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        head_dim = head_dim or in_features // num_heads

        def norm() -> nnx.LayerNorm:
            return nnx.LayerNorm(
                in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        def attention() -> MultiHead:
            return MultiHead(
                in_features,
                num_heads,
                head_dim=head_dim,
                qkv_bias=qkv_bias,
                proj_bias=proj_bias,
                qk_norm=qk_norm,
                qk_norm_epsilon=epsilon,
                scale=8 / head_dim if use_mup else None,
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )

        self.pre_norm = not qk_norm
        if self.pre_norm:
            self.norm1 = norm()
            self.norm2 = norm()
        self.spatial_attn = attention()
        self.temporal_attn = attention()
        self.mlp = MLP(
            in_features, mlp_dim, use_bias=mlp_bias, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t s in_features"]
    ) -> Float[Array, "batch t s in_features"]:
        """Mix the tokens ``x`` of ``t`` frames with ``s`` places each."""
        batch, t, s, width = x.shape
        frames = x.reshape(batch * t, s, width)
        x = (frames + self.spatial_attn(self.norm1(frames) if self.pre_norm else frames)).reshape(
            x.shape
        )
        places = x.swapaxes(1, 2).reshape(batch * s, t, width)
        places = places + self.temporal_attn(places, is_causal=True)
        x = places.reshape(batch, s, t, width).swapaxes(1, 2)
        return x + self.mlp(self.norm2(x) if self.pre_norm else x)
