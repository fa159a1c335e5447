"""Attention over pooled queries, keys and values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.multihead import MLP, MultiHead, attend
from reelbench.layers.pooled_ends import ClassTokenHead, MultiscaleEmbedding

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

__all__ = ["ClassTokenHead", "MultiscaleEmbedding", "PooledAttentionBlock"]

Size = tuple[int, int, int]


def relative_index(queries: int, keys: int) -> Int[Array, "queries keys"]:
    """Row of a relative position table for each query and key along one axis.

    The side with fewer positions is stretched to the other's length; a query at the start is at
    row zero for the last key.
    """
    query, key = jnp.arange(queries)[:, None], jnp.arange(keys)[None, :]
    longer = max(queries, keys)
    return longer * (query * keys + (keys - 1 - key) * queries) // (queries * keys)


class HeadPool(nnx.Module):
    """Pool each head's map by a depthwise convolution shared by the heads, then LayerNorm.

    The class token is not convolved but normalised.
    """

    def __init__(
        self,
        head_dim: int,
        kernel_size: Size,
        strides: Size,
        *,
        epsilon: float,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.pool = nnx.Conv(
            head_dim,
            head_dim,
            kernel_size,
            strides,
            padding=[(n // 2, n // 2) for n in kernel_size],
            feature_group_count=head_dim,
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm = nnx.LayerNorm(
            head_dim, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch n heads head_dim"], size: Size
    ) -> tuple[Float[Array, "batch m heads head_dim"], Size]:
        """Pool ``x``, class token first; return its tokens and the size of their map."""
        batch, _, heads, width = x.shape
        by_head = x.swapaxes(1, 2)
        volume = by_head[:, :, 1:].reshape(batch * heads, *size, width)
        pooled = self.pool(volume)
        flat = pooled.reshape(batch, heads, -1, width)
        tokens = jnp.concatenate([by_head[:, :, :1], flat], axis=2).swapaxes(1, 2)
        t, h, w = pooled.shape[1:4]
        return self.norm(tokens), (t, h, w)


class PooledAttentionBlock(nnx.Module):
    """A block of MViT: attention whose queries, keys and values are pooled, then MLP.

    Li et al., "MViTv2", 2022, arXiv:2112.01526; torchvision ``models/video/mvit.py``,
    ``MultiscaleBlock``. The defaults are MViTv2's; MViTv1 (arXiv:2104.11227) has no relative
    positions, no residual pooling, and changes the width in the MLP.

    Args:
        in_features: Channels of the input.
        num_heads: Number of heads.
        input_size: Positions of the input along time, height and width.
        out_features: Channels of the output; by default those of the input.
        kernel_q: Kernel that pools queries; kernel and stride of one: no pooling.
        stride_q: Stride of that kernel; it shortens the output.
        kernel_kv: Kernel that pools keys and values.
        stride_kv: Stride of that kernel.
        mlp_ratio: Channels inside the MLP over those of the attention.
        relative_positions: Whether logits get the query's product with a table for each axis.
        residual_pooling: Whether the pooled queries are added to what they find.
        residual_with_cls: Whether that holds for the class token too.
        expand_in_attention: Whether the attention changes the width, instead of the MLP.
        epsilon: Epsilon of the LayerNorms.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        *,
        input_size: Size,
        out_features: int | None = None,
        kernel_q: Size = (3, 3, 3),
        stride_q: Size = (1, 1, 1),
        kernel_kv: Size = (3, 3, 3),
        stride_kv: Size = (1, 1, 1),
        mlp_ratio: int = 4,
        relative_positions: bool = True,
        residual_pooling: bool = True,
        residual_with_cls: bool = False,
        expand_in_attention: bool = True,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        out_features = out_features or in_features
        width = out_features if expand_in_attention else in_features
        head_dim = width // num_heads

        def norm(features: int) -> nnx.LayerNorm:
            return nnx.LayerNorm(
                features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        def pool(kernel: Size, stride: Size) -> HeadPool | None:
            if math.prod(kernel) == math.prod(stride) == 1:
                return None
            return HeadPool(
                head_dim,
                kernel,
                stride,
                epsilon=epsilon,
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )

        def table(positions: int) -> nnx.Param[Array]:
            init = nnx.initializers.truncated_normal(0.02)
            return nnx.Param(init(rngs.params(), (2 * positions - 1, head_dim), param_dtype))

        self.input_size, self.stride_q = input_size, stride_q
        self.relative_positions = relative_positions
        self.residual_pooling, self.residual_with_cls = residual_pooling, residual_with_cls
        self.expands = in_features != out_features
        self.expand_in_attention = expand_in_attention
        self.norm1 = norm(in_features)
        self.attn = MultiHead(
            in_features,
            num_heads,
            head_dim=head_dim,
            out_features=width,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.pool_q = pool(kernel_q, stride_q)
        self.pool_k = pool(kernel_kv, stride_kv)
        self.pool_v = pool(kernel_kv, stride_kv)
        if relative_positions:
            # The source sizes both tables by the longer side and by the strides along height.
            side = max(input_size[1:])
            side = max(side // stride_q[1], side // stride_kv[1])
            self.rel_pos_t = table(input_size[0])
            self.rel_pos_h = table(side)
            self.rel_pos_w = table(side)
        self.norm2 = norm(width)
        self.mlp = MLP(
            width,
            mlp_ratio * width,
            out_features=out_features,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        if self.expands:
            self.project = nnx.Linear(
                in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

    def __call__(
        self, x: Float[Array, "batch tokens in_features"]
    ) -> Float[Array, "batch pooled_tokens out_features"]:
        """Mix the tokens ``x``: the class token, then the positions of the input map in order."""
        normed = self.norm1(x)
        found = self._attend(normed)
        if self.expands and self.expand_in_attention:
            x = self.project(normed)
        x = self._shorten(x) + found
        normed = self.norm2(x)
        if self.expands and not self.expand_in_attention:
            x = self.project(normed)
        return x + self.mlp(normed)

    def _attend(
        self, x: Float[Array, "batch tokens in_features"]
    ) -> Float[Array, "batch pooled_tokens width"]:
        query, key, value = self.attn.split(x)
        query_size = key_size = self.input_size
        if self.pool_q is not None:
            query, query_size = self.pool_q(query, query_size)
        if self.pool_k is not None and self.pool_v is not None:
            value, _ = self.pool_v(value, key_size)
            key, key_size = self.pool_k(key, key_size)
        bias = self._bias(query, query_size, key_size) if self.relative_positions else None
        found = attend(query, key, value, bias=bias)
        if self.residual_pooling:
            found += query if self.residual_with_cls else query.at[:, 0].set(0)
        return self.attn.merge(found)

    def _bias(
        self, query: Float[Array, "batch q heads head_dim"], query_size: Size, key_size: Size
    ) -> Float[Array, "batch heads q k"]:
        """Decomposed relative positions: the query's products with time, row and column offsets."""
        batch, _, heads, width = query.shape
        volume = query[:, 1:].reshape(batch, *query_size, heads, width)
        along = []
        tables = (self.rel_pos_t, self.rel_pos_h, self.rel_pos_w)
        for table, queries, keys in zip(tables, query_size, key_size, strict=True):
            rows = table[...].astype(query.dtype)
            wanted = (2 * max(queries, keys) - 1, width)
            if rows.shape != wanted:
                rows = jax.image.resize(rows, wanted, "linear", antialias=False)
            along.append(rows[relative_index(queries, keys)])
        over_t = jnp.einsum("bthwnc,tkc->bnthwk", volume, along[0])[..., :, None, None]
        over_h = jnp.einsum("bthwnc,hkc->bnthwk", volume, along[1])[..., None, :, None]
        over_w = jnp.einsum("bthwnc,wkc->bnthwk", volume, along[2])[..., None, None, :]
        bias = (over_t + over_h + over_w).reshape(
            batch, heads, math.prod(query_size), math.prod(key_size)
        )
        return jnp.pad(bias, [(0, 0), (0, 0), (1, 0), (1, 0)])  # none for the class token

    def _shorten(self, x: Float[Array, "batch tokens c"]) -> Float[Array, "batch pooled_tokens c"]:
        """Max-pool the shortcut as the queries are pooled, all but the class token."""
        if math.prod(self.stride_q) == 1:
            return x
        batch, _, width = x.shape
        kernel = tuple(s + 1 if s > 1 else s for s in self.stride_q)
        pooled = nnx.max_pool(
            x[:, 1:].reshape(batch, *self.input_size, width),
            kernel,
            self.stride_q,
            [(n // 2, n // 2) for n in kernel],
        )
        return jnp.concatenate([x[:, :1], pooled.reshape(batch, -1, width)], axis=1)
