"""Axial attention: over time, then along the rows, then along the columns of each frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.multihead import MLP, MultiHead

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class AxisAttention(nnx.Module):
    """Norm, attention along one axis of the grid, a linear map, residual.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        axis: Axis of the batched grid along which tokens see each other: 1 (time) to 3 (width).
        epsilon: Epsilon of the LayerNorm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        *,
        axis: int,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.axis = axis
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.attn = MultiHead(
            in_features, num_heads, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.fc = nnx.Linear(
            in_features, in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t h w in_features"]:
        """Mix the grid ``x`` along the axis."""
        last = jnp.moveaxis(self.norm(x), self.axis, -2)
        found = self.attn(last.reshape(-1, *last.shape[-2:])).reshape(last.shape)
        return x + self.fc(jnp.moveaxis(found, -2, self.axis))


class AxialAttentionBlock(nnx.Module):
    """A block of the axial TimeSformer: attention over time, width and height in turn, then MLP.

    Bertasius et al., "Is Space-Time Attention All You Need for Video Understanding?", 2021,
    arXiv:2102.05095, section 3, "Axial Attention (T+W+H)". The released code has no axial block;
    the number of parameters in the paper is that of a third attention like the one over time of
    ``timesformer/models/vit.py``. As in divided attention, the class token is taken to join the
    last step only: it attends with each column of each frame, and the answers are averaged.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        grid: Tokens along time, height and width.
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
        grid: tuple[int, int, int],
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def along(axis: int) -> AxisAttention:
            return AxisAttention(
                in_features,
                num_heads,
                axis=axis,
                epsilon=epsilon,
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )

        def norm() -> nnx.LayerNorm:
            return nnx.LayerNorm(
                in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
            )

        self.grid = grid
        self.over_time, self.over_width = along(1), along(3)
        self.norm1 = norm()
        self.attn = MultiHead(
            in_features, num_heads, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.norm2 = norm()
        self.mlp = MLP(in_features, mlp_dim, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch tokens in_features"]
    ) -> Float[Array, "batch tokens in_features"]:
        """Mix the tokens ``x``: the class token, then frame after frame of each place in turn.

        Time runs fastest, as in `DividedAttentionBlock`.
        """
        frames, height, width = self.grid
        batch, _, features = x.shape
        cls, flat = x[:, :1], x[:, 1:]
        volume = flat.reshape(batch, height, width, frames, features)
        volume = self.over_width(self.over_time(jnp.moveaxis(volume, 3, 1)))

        columns = volume.swapaxes(2, 3).reshape(batch, frames * width, height, features)
        cls_by_column = jnp.broadcast_to(cls[:, None], (batch, frames * width, 1, features))
        column = jnp.concatenate([cls_by_column, columns], axis=2)
        change = self.attn(self.norm1(column).reshape(-1, 1 + height, features))
        change = change.reshape(column.shape)
        cls = cls + change[:, :, 0].mean(axis=1, keepdims=True)
        columns = columns + change[:, :, 1:]

        volume = columns.reshape(batch, frames, width, height, features)
        flat = volume.transpose(0, 3, 2, 1, 4).reshape(flat.shape)
        x = jnp.concatenate([cls, flat], axis=1)
        return x + self.mlp(self.norm2(x))
