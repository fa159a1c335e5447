"""What the attention families share: attention itself, the projections around it, and the MLP."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float

Bias = bool | Literal["qv"]

ATTENTION = "reelbench_attention_"
"""How the name of an attention begins in a program; whether it is causal and its scale follow."""


def attend(
    query: Float[Array, "batch q heads head_dim"],
    key: Float[Array, "batch k heads head_dim"],
    value: Float[Array, "batch k heads head_dim"],
    *,
    bias: Float[Array, "#batch #heads q k"] | None = None,
    mask: Bool[Array, "#batch #heads q k"] | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Float[Array, "batch q heads head_dim"]:
    """Scaled dot-product attention; ``scale`` is by default one over the root of ``head_dim``."""
    if query.dtype != jnp.float64:
        return _marked(is_causal, scale)(query, key, value, bias, mask)
    # jax.nn rounds the logits to float32 even when everything else is float64.
    logits = jnp.einsum("bqhd,bkhd->bhqk", query, key)
    logits *= query.shape[-1] ** -0.5 if scale is None else scale
    if bias is not None:
        logits += bias
    if mask is not None:
        logits = jnp.where(mask, logits, -jnp.inf)
    if is_causal:
        logits = jnp.where(
            jnp.tri(logits.shape[-2], logits.shape[-1], dtype=bool), logits, -jnp.inf
        )
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(logits), value)


@functools.cache
def _marked(is_causal: bool, scale: float | None) -> Callable[..., jax.Array]:
    """Attention under a name by which other implementations find it in a program."""

    def attention(
        query: jax.Array,
        key: jax.Array,
        value: jax.Array,
        bias: jax.Array | None,
        mask: jax.Array | None,
    ) -> jax.Array:
        return jax.nn.dot_product_attention(
            query, key, value, bias, mask, is_causal=is_causal, scale=scale
        )

    attention.__name__ = f"{ATTENTION}{is_causal}_{scale}"
    return jax.jit(attention)


class MultiHead(nnx.Module):
    """The projections into and out of multi-head self-attention.

    Args:
        in_features: Channels of the input.
        num_heads: Number of heads.
        head_dim: Channels of a head; by default the input's channels shared out among the heads.
        out_features: Channels of the output; by default those of the input.
        qkv_bias: Whether queries, keys and values have a bias; ``"qv"`` gives the keys none.
        proj_bias: Whether the output projection has a bias.
        qk_norm: Whether one LayerNorm over a head's channels is applied to queries and to keys.
        qk_norm_epsilon: Epsilon of that LayerNorm.
        scale: Factor on the logits; by default one over the root of ``head_dim``.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        *,
        head_dim: int | None = None,
        out_features: int | None = None,
        qkv_bias: Bias = True,
        proj_bias: bool = True,
        qk_norm: bool = False,
        qk_norm_epsilon: float = 1e-5,
        scale: float | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        head_dim = head_dim or in_features // num_heads
        width = num_heads * head_dim
        self.num_heads, self.head_dim, self.scale = num_heads, head_dim, scale
        self.only_qv_bias, self.qk_norm = qkv_bias == "qv", qk_norm
        self.qkv = nnx.Linear(
            in_features,
            3 * width,
            use_bias=qkv_bias is True,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        if self.only_qv_bias:
            self.q_bias = nnx.Param(jnp.zeros((width,), param_dtype))
            self.v_bias = nnx.Param(jnp.zeros((width,), param_dtype))
        if qk_norm:
            self.norm = nnx.LayerNorm(
                head_dim, epsilon=qk_norm_epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )
        self.proj = nnx.Linear(
            width,
            out_features or in_features,
            use_bias=proj_bias,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def split(
        self, x: Float[Array, "batch n in_features"]
    ) -> tuple[
        Float[Array, "batch n heads head_dim"],
        Float[Array, "batch n heads head_dim"],
        Float[Array, "batch n heads head_dim"],
    ]:
        """Project ``x`` to queries, keys and values."""
        qkv = self.qkv(x)
        if self.only_qv_bias:
            q_bias, v_bias = self.q_bias[...], self.v_bias[...]
            qkv += jnp.concatenate([q_bias, jnp.zeros_like(q_bias), v_bias]).astype(qkv.dtype)
        query, key, value = jnp.unstack(
            qkv.reshape(*x.shape[:-1], 3, self.num_heads, self.head_dim), axis=-3
        )
        if self.qk_norm:
            query, key = self.norm(query), self.norm(key)
        return query, key, value

    def merge(
        self, heads: Float[Array, "batch n heads head_dim"]
    ) -> Float[Array, "batch n out_features"]:
        """Project what the heads found."""
        return self.proj(heads.reshape(*heads.shape[:-2], -1))

    def __call__(
        self,
        x: Float[Array, "batch n in_features"],
        *,
        bias: Float[Array, "#batch #heads n n"] | None = None,
        mask: Bool[Array, "#batch #heads n n"] | None = None,
        is_causal: bool = False,
    ) -> Float[Array, "batch n out_features"]:
        """Attend among the ``n`` tokens of each sequence."""
        query, key, value = self.split(x)
        found = attend(
            query, key, value, bias=bias, mask=mask, is_causal=is_causal, scale=self.scale
        )
        return self.merge(found)


class MLP(nnx.Module):
    """Linear, GELU, linear.

    Args:
        in_features: Channels of the input.
        hidden_features: Channels between the two linear maps.
        out_features: Channels of the output; by default those of the input.
        use_bias: Whether the linear maps have a bias.
        gelu: The GELU by the error function, or its tanh approximation.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        out_features: int | None = None,
        use_bias: bool = True,
        gelu: Literal["exact", "tanh"] = "exact",
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.approximate = gelu == "tanh"
        self.fc1 = nnx.Linear(
            in_features,
            hidden_features,
            use_bias=use_bias,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.fc2 = nnx.Linear(
            hidden_features,
            out_features or in_features,
            use_bias=use_bias,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(self, x: Float[Array, "*axes in_features"]) -> Float[Array, "*axes out_features"]:
        """Map each position by itself."""
        return self.fc2(jax.nn.gelu(self.fc1(x), approximate=self.approximate))
