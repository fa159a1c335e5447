"""Over the entries of a feature queue: 3-D convolution, or attention to the past of each cell."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.multihead import MLP, MultiHead

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class VideoStem(nnx.Module):
    """Changes the channels of a queue's entries and tells each its place in the queue.

    Tesla AI Day, 2021, "video module"; assumed.

    Args:
        in_features: Channels of the input.
        features: Channels of the output.
        entries: Entries of the queue.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        entries: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.linear = nnx.Linear(
            in_features, features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        normal = nnx.initializers.normal(0.02)
        self.place = nnx.Param(normal(rngs.params(), (entries, features), param_dtype))

    def __call__(
        self, queue: Float[Array, "batch entries rows columns in_features"]
    ) -> Float[Array, "batch entries rows columns features"]:
        """Prepare the entries."""
        y = self.linear(queue)
        return y + self.place[...].astype(y.dtype)[:, None, None]


class VideoConvolution(nnx.Module):
    """A residual block of two 3×3×3 convolutions that see no later entry.

    Tesla AI Day, 2021, "video module"; the block is that of Tran et al., "A Closer Look at
    Spatiotemporal Convolutions", 2018, arXiv:1711.11248, made causal, and assumed.

    Args:
        features: Channels.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        conv = partial(
            nnx.Conv,
            features,
            features,
            (3, 3, 3),
            padding=[(2, 0), (1, 1), (1, 1)],
            use_bias=False,
            **made,
        )
        norm = partial(nnx.BatchNorm, features, momentum=0.9, **made)
        self.conv1, self.conv2 = conv(), conv()
        self.norm1, self.norm2 = norm(), norm()

    def __call__(
        self, x: Float[Array, "batch entries rows columns features"]
    ) -> Float[Array, "batch entries rows columns features"]:
        """Transform ``x`` and add it to the result."""
        y = jax.nn.relu(self.norm1(self.conv1(x)))
        return jax.nn.relu(x + self.norm2(self.conv2(y)))


class VideoTransformer(nnx.Module):
    """Each cell attends to its own past; then an MLP.

    LayerNorms stand before. Tesla AI Day, 2021, "video module"; assumed.

    Args:
        features: Channels.
        num_heads: Attention heads.
        mlp_dim: Hidden channels of the MLP.
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
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        norm = partial(nnx.LayerNorm, features, epsilon=1e-5, **made)
        self.attention_norm, self.mlp_norm = norm(), norm()
        self.attention = MultiHead(features, num_heads, **made)
        self.mlp = MLP(features, mlp_dim, **made)

    def __call__(
        self, x: Float[Array, "batch entries rows columns features"]
    ) -> Float[Array, "batch entries rows columns features"]:
        """Attend along the entries, oldest first."""
        cells = jnp.moveaxis(x, 1, 3)
        sequences = self.attention_norm(cells).reshape(-1, *cells.shape[3:])
        cells = cells + self.attention(sequences, is_causal=True).reshape(cells.shape)
        cells = cells + self.mlp(self.mlp_norm(cells))
        return jnp.moveaxis(cells, 3, 1)
