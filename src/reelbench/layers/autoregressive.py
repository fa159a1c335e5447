"""Causal attention over all tokens of a clip, at once or one token at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.autoregressive_ends import DrivingEmbedding, NextTokenHead
from reelbench.layers.multihead import MLP, MultiHead, attend

if TYPE_CHECKING:
    from jaxtyping import Array, Float

__all__ = ["CausalBlock", "CausalStep", "DrivingEmbedding", "NextTokenHead"]


class _Block(nnx.Module):
    """The parameters of a pre-norm transformer block; see `CausalBlock`."""

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        *,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def norm() -> nnx.LayerNorm:
            return nnx.LayerNorm(
                in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        self.norm1 = norm()
        self.attn = MultiHead(
            in_features, num_heads, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.norm2 = norm()
        self.mlp = MLP(in_features, mlp_dim, dtype=dtype, param_dtype=param_dtype, rngs=rngs)


class CausalBlock(_Block):
    """A pre-norm transformer block in which each token sees itself and the tokens before it.

    Hu et al., "GAIA-1: A Generative World Model for Autonomous Driving", 2023, arXiv:2309.17080,
    section 2.2, an autoregressive transformer; the block is that of Radford et al., "Language
    Models are Unsupervised Multitask Learners", 2019, section 2.3.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        epsilon: Epsilon of the LayerNorms.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __call__(
        self, x: Float[Array, "batch n in_features"]
    ) -> Float[Array, "batch n in_features"]:
        """Mix the tokens ``x``."""
        x = x + self.attn(self.norm1(x), is_causal=True)
        return x + self.mlp(self.norm2(x))


class CausalStep(_Block):
    """A `CausalBlock` while it generates: new tokens, and what was kept of those before.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        epsilon: Epsilon of the LayerNorms.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __call__(
        self,
        x: Float[Array, "batch 1 in_features"],
        keys: Float[Array, "batch past heads head_dim"],
        values: Float[Array, "batch past heads head_dim"],
    ) -> Float[Array, "batch 1 in_features"]:
        """Let one token see itself and the past.

        Args:
            x: The token.
            keys: Keys of the tokens before it.
            values: Values of the tokens before it.
        """
        query, key, value = self.attn.split(self.norm1(x))
        keys = jnp.concatenate([keys, key], axis=1)
        values = jnp.concatenate([values, value], axis=1)
        x = x + self.attn.merge(attend(query, keys, values))
        return x + self.mlp(self.norm2(x))
