"""Queries, keys and values of one stream of tokens, normalised head by head."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class Projections(nnx.Module):
    """The projections of a stream of tokens into and out of attention.

    Queries and keys are normalised over the features of each head. Several streams, each with its
    own projections, can attend jointly; where they must be rotated lies between `split` and
    `merge`.

    Args:
        in_features: Width of the tokens and of the output.
        num_heads: Attention heads.
        head_dim: Width of a head; by default the tokens' width shared out among the heads.
        source_features: Width of the tokens that keys and values come from; by default that of the
            queries' tokens.
        norm: The norm of a head: root mean square, or LayerNorm; both are scaled by learned
            weights, the second is shifted too.
        epsilon: Added to the mean square or the variance in the norms.
        use_bias: Whether queries, keys and values have a bias.
        out: Whether there is a projection of what the heads found: with a bias, without, or none.
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
        source_features: int | None = None,
        norm: Literal["rms", "layer"] = "rms",
        epsilon: float = 1e-6,
        use_bias: bool = True,
        out: Literal["bias", "no bias", "none"] = "bias",
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        head_dim = head_dim or in_features // num_heads
        self.heads = (num_heads, head_dim)
        width = num_heads * head_dim
        source_features = source_features or in_features
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        kind = {"rms": nnx.RMSNorm, "layer": nnx.LayerNorm}[norm]
        head_norm = partial(
            kind, head_dim, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.query = linear(in_features, width, use_bias=use_bias)
        self.key = linear(source_features, width, use_bias=use_bias)
        self.value = linear(source_features, width, use_bias=use_bias)
        self.query_norm = head_norm()
        self.key_norm = head_norm()
        self.out = None if out == "none" else linear(width, in_features, use_bias=out == "bias")

    def split(
        self,
        x: Float[Array, "batch tokens in_features"],
        source: Float[Array, "batch source_tokens source_features"] | None = None,
    ) -> tuple[
        Float[Array, "batch tokens heads head_dim"],
        Float[Array, "batch source_tokens heads head_dim"],
        Float[Array, "batch source_tokens heads head_dim"],
    ]:
        """Queries of ``x``, keys and values of ``source`` (by default ``x`` too)."""
        source = x if source is None else source
        query = self.query_norm(self.query(x).reshape(*x.shape[:2], *self.heads))
        key = self.key_norm(self.key(source).reshape(*source.shape[:2], *self.heads))
        return query, key, self.value(source).reshape(*source.shape[:2], *self.heads)

    def merge(
        self, found: Float[Array, "batch tokens heads head_dim"]
    ) -> Float[Array, "batch tokens out_features"]:
        """Join what the heads found, and project it where there is a projection out."""
        joined = found.reshape(*found.shape[:2], -1)
        return joined if self.out is None else self.out(joined)


def key_mask(
    text_mask: Bool[Array, "batch text_tokens"], tokens: int
) -> Bool[Array, "batch 1 1 all_tokens"]:
    """Mask of keys for video tokens, which are all seen, followed by text tokens."""
    seen = jnp.ones((text_mask.shape[0], tokens), bool)
    return jnp.concatenate([seen, text_mask.astype(bool)], axis=1)[:, None, None]
