"""Token reduction."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class TokenLearner(nnx.Module):
    """Sums each frame's features under a few learned maps, one token a map.

    Ryoo et al., "TokenLearner: Adaptive Space-Time Tokenization for Videos", 2021,
    arXiv:2106.11297; scenic ``projects/token_learner/model.py``, ``TokenLearnerModule``: four 3×3
    convolutions without bias on the normalised features, tanh-GELU between them, a sigmoid at the
    end.

    Args:
        in_features: Channels of the input and the output.
        num_tokens: Maps, and tokens of each frame.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_tokens: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.norm = nnx.LayerNorm(in_features, **kinds)
        widths = (in_features, num_tokens, num_tokens, num_tokens)
        self.convs = nnx.List(
            [nnx.Conv(width, num_tokens, (3, 3), use_bias=False, **kinds) for width in widths]
        )

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t tokens features"]:
        """Reduce each frame to its tokens."""
        y = self.norm(x)
        for index, conv in enumerate(self.convs):
            y = conv(nnx.gelu(y) if index else y)
        return jnp.einsum("bthwn,bthwc->btnc", jax.nn.sigmoid(y), x)


class TokenLearnerV11(nnx.Module):
    """Averages each frame's features under a few learned maps, one token a map.

    Ryoo et al. 2021, arXiv:2106.11297; scenic ``projects/token_learner/model.py``,
    ``TokenLearnerModuleV11``: a two-layer perceptron (tanh-GELU) on the normalised features of each
    position gives the maps, a softmax over positions their weights. Dropout is left out.

    Args:
        in_features: Channels of the input and the output.
        num_tokens: Maps, and tokens of each frame.
        bottleneck_dim: Width inside the perceptron.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_tokens: int,
        *,
        bottleneck_dim: int = 64,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = functools.partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.norm = nnx.LayerNorm(in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.fc1 = linear(in_features, bottleneck_dim)
        self.fc2 = linear(bottleneck_dim, num_tokens)

    def __call__(
        self, x: Float[Array, "batch t h w features"]
    ) -> Float[Array, "batch t tokens features"]:
        """Reduce each frame to its tokens."""
        logits = self.fc2(nnx.gelu(self.fc1(self.norm(x))))
        wide = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
        weights = jax.nn.softmax(wide, axis=(2, 3)).astype(x.dtype)
        return jnp.einsum("bthwn,bthwc->btnc", weights, x)
