"""What stands after a Vision Transformer's blocks: last norms, heads, and pooling by attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.embedding_tubelets import learned_table
from reelbench.layers.multihead import MLP, attend

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class TokenNorm(nnx.Module):
    """The LayerNorm after the last block of an encoder whose tokens are all used.

    facebookresearch/vjepa2 ``src/models/vision_transformer.py``, ``VisionTransformer``.

    Args:
        in_features: Channels of a token.
        epsilon: Epsilon of the LayerNorm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        *,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch n in_features"]
    ) -> Float[Array, "batch n in_features"]:
        """Normalise each token."""
        return self.norm(x)


class ClassifierHead(nnx.Module):
    """One vector for all tokens, LayerNorm, linear map to classes.

    VideoMAE takes the mean of all tokens before the norm (MCG-NJU/VideoMAE
    ``modeling_finetune.py``), TimeSformer and ViViT the class token
    (facebookresearch/TimeSformer ``timesformer/models/vit.py``; scenic
    ``projects/vivit/model.py``), ViViT without a class token the mean after the norm.

    Args:
        in_features: Channels of a token.
        num_classes: Classes.
        pool: The mean of the tokens before or after the norm, or the first token, which is the
            class token.
        epsilon: Epsilon of the LayerNorm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        pool: Literal["first", "mean", "mean-after-norm"] = "first",
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.pool = pool
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.fc = nnx.Linear(
            in_features, num_classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(self, x: Float[Array, "batch n in_features"]) -> Float[Array, "batch num_classes"]:
        """Classify the clip by its tokens ``x``."""
        if self.pool == "first":
            return self.fc(self.norm(x[:, 0]))
        if self.pool == "mean":
            return self.fc(self.norm(x.mean(axis=1)))
        return self.fc(self.norm(x).mean(axis=1))


class CrossAttentionBlock(nnx.Module):
    """Queries attend to a clip's tokens, then pass an MLP; attention has no output projection.

    Assran et al., "V-JEPA 2", 2025, arXiv:2506.09985; facebookresearch/vjepa2
    ``src/models/utils/modules.py``, ``CrossAttentionBlock``. The tokens are normalised before they
    become keys and values, the queries are not.

    Args:
        in_features: Channels of a query and of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
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
        qkv_bias: bool = True,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def norm() -> nnx.LayerNorm:
            return nnx.LayerNorm(
                in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        def linear(out_features: int) -> nnx.Linear:
            return nnx.Linear(
                in_features,
                out_features,
                use_bias=qkv_bias,
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )

        self.num_heads = num_heads
        self.norm1 = norm()
        self.q = linear(in_features)
        self.kv = linear(2 * in_features)
        self.norm2 = norm()
        self.mlp = MLP(in_features, mlp_dim, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(
        self,
        queries: Float[Array, "batch m in_features"],
        x: Float[Array, "batch n in_features"],
    ) -> Float[Array, "batch m in_features"]:
        """Let ``queries`` look at the tokens ``x``."""
        batch, _, width = x.shape
        query = self.q(queries).reshape(batch, -1, self.num_heads, width // self.num_heads)
        key, value = jnp.unstack(
            self.kv(self.norm1(x)).reshape(batch, -1, 2, *query.shape[2:]), axis=2
        )
        y = queries + attend(query, key, value).reshape(queries.shape)
        return y + self.mlp(self.norm2(y))


class AttentivePooler(nnx.Module):
    """Learned queries that attend to the tokens of a clip: pooling with parameters.

    V-JEPA 2, facebookresearch/vjepa2 ``src/models/attentive_pooler.py``, ``AttentivePooler``; the
    blocks of self-attention before it are layers of their own.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        num_queries: Vectors that the clip becomes.
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
        num_queries: int = 1,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.queries = learned_table(rngs, num_queries, in_features, param_dtype)
        self.block = CrossAttentionBlock(
            in_features, num_heads, mlp_dim, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch n in_features"]
    ) -> Float[Array, "batch num_queries in_features"]:
        """Pool the tokens ``x``."""
        queries = self.queries[...].astype(x.dtype)
        return self.block(jnp.broadcast_to(queries, (x.shape[0], *queries.shape)), x)
