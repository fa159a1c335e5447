"""Attention factorised over time and space, as ViViT has it: one block, no class token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.multihead import MLP, MultiHead, attend

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class FactorisedAttentionBlock(nnx.Module):
    """Attention over time, attention over space, MLP, each with a norm and a residual.

    Arnab et al., "ViViT", 2021, arXiv:2103.15691, model 3; scenic ``projects/vivit/model.py``,
    ``EncoderFactorizedSelfAttentionBlock``.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
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
                in_features, num_heads, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        self.norm_time, self.time = norm(), attention()
        self.norm_space, self.space = norm(), attention()
        self.norm_mlp = norm()
        self.mlp = MLP(
            in_features, mlp_dim, gelu="tanh", dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch frames places in_features"]
    ) -> Float[Array, "batch frames places in_features"]:
        """Mix the tokens ``x``."""
        by_place = x.swapaxes(1, 2)
        over_time = by_place.reshape(-1, *by_place.shape[2:])
        over_time += self.time(self.norm_time(over_time))
        by_frame = over_time.reshape(by_place.shape).swapaxes(1, 2)
        over_space = by_frame.reshape(-1, *by_frame.shape[2:])
        over_space += self.space(self.norm_space(over_space))
        x = over_space.reshape(x.shape)
        return x + self.mlp(self.norm_mlp(x))


class FactorisedHeadsBlock(nnx.Module):
    """A block in which half of the heads attend over time and half over space.

    Arnab et al., "ViViT", 2021, arXiv:2103.15691, model 4; scenic ``projects/vivit/model.py``,
    ``EncoderBlock`` with ``model_utils.py``, ``factorized_dot_product_attention``.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads; the first half attend over time.
        mlp_dim: Channels inside the MLP.
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
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm1 = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.attn = MultiHead(
            in_features, num_heads, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.norm2 = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.mlp = MLP(
            in_features, mlp_dim, gelu="tanh", dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch frames places in_features"]
    ) -> Float[Array, "batch frames places in_features"]:
        """Mix the tokens ``x``."""
        projected = self.attn.split(self.norm1(x))
        half = self.attn.num_heads // 2
        over_time = [each[..., :half, :].swapaxes(1, 2) for each in projected]
        over_space = [each[..., half:, :] for each in projected]
        found_time = _attend_each(over_time).swapaxes(1, 2)
        found = jnp.concatenate([found_time, _attend_each(over_space)], axis=-2)
        x = x + self.attn.merge(found)
        return x + self.mlp(self.norm2(x))


def _attend_each(
    projected: list[Float[Array, "batch sequences n heads head_dim"]],
) -> Float[Array, "batch sequences n heads head_dim"]:
    """Attend within each sequence."""
    query, key, value = (each.reshape(-1, *each.shape[2:]) for each in projected)
    return attend(query, key, value).reshape(projected[0].shape)
