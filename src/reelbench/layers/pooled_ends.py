"""What stands before and behind the blocks of a multiscale transformer: embedding and head."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Size = tuple[int, int, int]


class MultiscaleEmbedding(nnx.Module):
    """Overlapping patches of a clip as tokens, behind a class token, with or without positions.

    Fan et al., "Multiscale Vision Transformers", 2021, arXiv:2104.11227; torchvision
    ``models/video/mvit.py``, ``MViT.conv_proj`` and ``PositionalEncoding``. A token's position is
    the sum of an entry of a table for time and one of a table for places; the class token has an
    entry of its own. MViTv2 has no positions here.

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a token.
        kernel_size: Kernel lengths along time, height and width.
        strides: Distances between patches.
        positions: Patches along time, height and width, to have tables for; by default no tables.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: Size = (3, 7, 7),
        strides: Size = (2, 4, 4),
        positions: Size | None = None,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def table(*shape: int) -> nnx.Param[Array]:
            init = nnx.initializers.truncated_normal(0.02)
            return nnx.Param(init(rngs.params(), (*shape, out_features), param_dtype))

        self.proj = nnx.Conv(
            in_features,
            out_features,
            kernel_size,
            strides,
            padding=[(n // 2, n // 2) for n in kernel_size],
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.class_token = table(1)
        self.has_positions = positions is not None
        if positions is not None:
            self.class_position = table(1)
            self.times = table(positions[0])
            self.places = table(math.prod(positions[1:]))

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch tokens out_features"]:
        """Embed the clip ``x``: the class token, then the patches in order."""
        grid = self.proj(x)
        batch, *_, width = grid.shape
        tokens = grid.reshape(batch, -1, width)
        first = self.class_token[...].astype(tokens.dtype)
        if self.has_positions:
            both = self.times[...][:, None] + self.places[...]
            tokens += both.reshape(-1, width).astype(tokens.dtype)
            first += self.class_position[...].astype(tokens.dtype)
        return jnp.concatenate([jnp.broadcast_to(first, (batch, 1, width)), tokens], axis=1)


class ClassTokenHead(nnx.Module):
    """LayerNorm and linear classifier of the class token.

    Torchvision ``models/video/mvit.py``, ``MViT``.

    Args:
        in_features: Channels of a token.
        num_classes: Classes.
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
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.head = nnx.Linear(
            in_features, num_classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch tokens in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the clip of the tokens ``x`` by the first of them."""
        return self.head(self.norm(x[:, 0]))
