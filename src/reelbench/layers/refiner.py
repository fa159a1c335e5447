"""What HunyuanVideo's blocks are told: refined text tokens, and one vector for everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import TimestepEmbedding, chunks
from reelbench.layers.multihead import MultiHead

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class PooledEmbedding(nnx.Module):
    """Embedding of the diffusion step plus that of one vector for the whole text.

    diffusers ``models/embeddings.py``, ``CombinedTimestepTextProjEmbeddings``, and
    ``transformer_hunyuan_video.py``, ``HunyuanVideoConditionEmbedding``.

    Args:
        pooled_features: Width of the vector for the text.
        features: Width of the model.
        guidance: Whether the strength of the guidance is embedded too, in a distilled model.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        pooled_features: int,
        features: int,
        *,
        guidance: bool = False,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.timestep = TimestepEmbedding(features, **common)
        self.guidance = TimestepEmbedding(features, **common) if guidance else None
        self.expand = nnx.Linear(pooled_features, features, **common)
        self.contract = nnx.Linear(features, features, **common)

    def __call__(
        self,
        timestep: Float[Array, " batch"],
        pooled: Float[Array, "batch pooled_features"],
        guidance: Float[Array, " batch"] | None = None,
    ) -> Float[Array, "batch features"]:
        """Embed the step, the whole text and, where there is one, the guidance."""
        embedded = self.timestep(timestep)
        if self.guidance is not None and guidance is not None:
            embedded = embedded + self.guidance(guidance)
        return embedded + self.contract(jax.nn.silu(self.expand(pooled)))


class TokenRefiner(nnx.Module):
    """A small transformer over the text tokens, gated by the diffusion step and the mean token.

    Ma et al., "Exploring the Role of Large Language Models in Prompt Encoding for Diffusion
    Models", 2024, arXiv:2406.11831; Tencent/HunyuanVideo ``hyvideo/modules/token_refiner.py``,
    ``SingleTokenRefiner``; diffusers ``transformer_hunyuan_video.py``,
    ``HunyuanVideoTokenRefiner``.

    Args:
        in_features: Width of the text encoder.
        features: Width of the model.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward networks.
        depth: Number of blocks.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        num_heads: int,
        mlp_dim: int,
        *,
        depth: int = 2,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embedding = PooledEmbedding(in_features, features, **common)
        self.proj = nnx.Linear(in_features, features, **common)
        self.blocks = nnx.List(
            [RefinerBlock(features, num_heads, mlp_dim, **common) for _ in range(depth)]
        )

    def __call__(
        self,
        text: Float[Array, "batch text_tokens in_features"],
        timestep: Float[Array, " batch"],
        text_mask: Bool[Array, "batch text_tokens"] | None = None,
    ) -> Float[Array, "batch text_tokens features"]:
        """Refine the encoded text.

        Args:
            text: Encoded text.
            timestep: Diffusion step.
            text_mask: Which text tokens are not padding.
        """
        real = jnp.ones(text.shape[:2], bool) if text_mask is None else text_mask.astype(bool)
        weights = real[..., None].astype(text.dtype)
        mean = (text * weights).sum(axis=1) / weights.sum(axis=1)
        embedded = self.embedding(timestep, mean)
        x = self.proj(text)
        mask = None
        if text_mask is not None:
            # The first token is seen by all, padding included, which else would see nothing.
            mask = (real[:, None, :, None] & real[:, None, None]).at[..., 0].set(True)
        for block in self.blocks:
            x = block(x, embedded, mask)
        return x


class RefinerBlock(nnx.Module):
    """A pre-norm transformer block with SiLU, whose two residual branches are gated.

    Args:
        features: Width of the tokens.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward network.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        num_heads: int,
        mlp_dim: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.norm1 = nnx.LayerNorm(features, epsilon=1e-6, **common)
        self.attention = MultiHead(features, num_heads, **common)
        self.norm2 = nnx.LayerNorm(features, epsilon=1e-6, **common)
        self.expand = nnx.Linear(features, mlp_dim, **common)
        self.contract = nnx.Linear(mlp_dim, features, **common)
        self.gates = nnx.Linear(features, 2 * features, **common)

    def __call__(
        self,
        x: Float[Array, "batch text_tokens features"],
        embedded: Float[Array, "batch features"],
        mask: Bool[Array, "batch 1 text_tokens text_tokens"] | None = None,
    ) -> Float[Array, "batch text_tokens features"]:
        """Transform the text tokens ``x``."""
        gate1, gate2 = chunks(self.gates(jax.nn.silu(embedded)), 2)
        x = x + self.attention(self.norm1(x), mask=mask) * gate1
        return x + self.contract(jax.nn.silu(self.expand(self.norm2(x)))) * gate2
