"""Diffusion transformer blocks of Cosmos (adaLN-LoRA), and its embeddings."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import LowRank, chunks, modulate, plain_norm, sinusoid
from reelbench.layers.multihead import MLP, attend
from reelbench.layers.projections import Projections
from reelbench.layers.rotary import Grid, geometric, grid_angles, rotate_halves, wide

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class CosmosBlock(nnx.Module):
    """A block of Cosmos 1.0's diffusion transformer.

    Self-attention, cross-attention to the text and a feed-forward network, each shifted, scaled and
    gated by the diffusion step through a narrow pair of linear maps, to which a modulation shared
    by all blocks is added. No linear map has a bias.

    NVIDIA, "Cosmos World Foundation Model Platform for Physical AI", 2025, arXiv:2501.03575;
    diffusers ``transformer_cosmos.py``, ``CosmosTransformerBlock``.

    Args:
        in_features: Width of the tokens and of the output.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward network.
        grid: Frames, height and width of the token grid; its raster order is that of the tokens.
        text_features: Width of the text tokens.
        modulation_features: Width inside the pairs of linear maps.
        rope_scale: Stretch of the slowest rotary wavelength along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        *,
        text_features: int = 1024,
        modulation_features: int = 256,
        rope_scale: tuple[float, float, float] = (2.0, 1.0, 1.0),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.grid, self.rope_scale, self.head_dim = grid, rope_scale, in_features // num_heads
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        attention = partial(
            Projections,
            in_features,
            num_heads,
            epsilon=1e-5,
            use_bias=False,
            out="no bias",
            **common,
        )
        low_rank = partial(LowRank, in_features, modulation_features, 3 * in_features, **common)
        self.norm = plain_norm(in_features, dtype=dtype, rngs=rngs)
        self.modulations = nnx.List([low_rank() for _ in range(3)])
        self.self_attention = attention()
        self.cross_attention = attention(source_features=text_features)
        self.mlp = MLP(in_features, mlp_dim, use_bias=False, **common)

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        text: Float[Array, "batch text_tokens text_features"],
        embedded: Float[Array, "batch features"],
        modulation: Float[Array, "batch three_features"],
        position: Float[Array, "tokens features"],
    ) -> Float[Array, "batch tokens features"]:
        """Transform the tokens.

        Args:
            x: Video tokens.
            text: Text tokens.
            embedded: Embedding of the diffusion step.
            modulation: Shift, scale and gate that all blocks share.
            position: Learned position embedding, added at the start of every block.
        """
        angles = cosmos_angles(self.grid, self.head_dim, self.rope_scale, wide(x.dtype))
        (shift1, scale1, gate1), (shift2, scale2, gate2), (shift3, scale3, gate3) = (
            chunks(low_rank(embedded) + modulation, 3) for low_rank in self.modulations
        )
        x = x + position
        q, k, v = self.self_attention.split(modulate(self.norm(x), shift1, scale1))
        found = attend(rotate_halves(q, angles), rotate_halves(k, angles), v)
        x = x + gate1 * self.self_attention.merge(found)
        q, k, v = self.cross_attention.split(modulate(self.norm(x), shift2, scale2), text)
        x = x + gate2 * self.cross_attention.merge(attend(q, k, v))
        return x + gate3 * self.mlp(modulate(self.norm(x), shift3, scale3))


class CosmosEmbedding(nnx.Module):
    """Patches of a latent clip as tokens, and the learned position embedding of the tokens.

    diffusers ``transformer_cosmos.py``, ``CosmosPatchEmbed`` and
    ``CosmosLearnablePositionalEmbed``: a table for each axis, their sum divided by its root mean
    square.

    Args:
        in_features: Channels of the latent, the mask of padded pixels included.
        features: Width of the model.
        patch: Frames, height and width of a patch.
        longest: Frames, height and width of the largest grid of tokens.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        patch: Grid = (1, 2, 2),
        longest: Grid = (128, 120, 120),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.dtype = dtype
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.proj = nnx.Conv(
            in_features, features, patch, patch, padding="VALID", use_bias=False, **common
        )
        # Zero in the source, where a checkpoint replaces them; of zeros there is no direction.
        self.tables = nnx.List(
            nnx.Param(jax.random.normal(rngs.params(), (length, features), param_dtype) * 0.02)
            for length in longest
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> tuple[Float[Array, "batch tokens features"], Float[Array, "tokens features"]]:
        """Return the tokens of ``x`` and their position embedding."""
        tokens = self.proj(x)
        grid, features = tokens.shape[1:4], tokens.shape[4]
        time, height, width = (
            table[:length] for table, length in zip(self.tables, grid, strict=True)
        )
        total = time[:, None, None] + height[:, None] + width
        size = jnp.linalg.norm(total, axis=-1, keepdims=True)
        position = total / (1e-6 + features**-0.5 * size)
        position = position.reshape(prod(grid), features).astype(tokens.dtype)
        return tokens.reshape(len(x), prod(grid), features), position


class CosmosTimestep(nnx.Module):
    """The normalised sinusoid of the diffusion step, and the modulation that all blocks share.

    diffusers ``transformer_cosmos.py``, ``CosmosEmbedding``.

    Args:
        features: Width of the model.
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
        self.features = features
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.expand = nnx.Linear(features, features, use_bias=False, **common)
        self.contract = nnx.Linear(features, 3 * features, use_bias=False, **common)
        self.norm = nnx.RMSNorm(features, epsilon=1e-6, **common)

    def __call__(
        self, timestep: Float[Array, " batch"]
    ) -> tuple[Float[Array, "batch features"], Float[Array, "batch three_features"]]:
        """Return the embedding and the shared modulation."""
        waves = sinusoid(timestep, self.features)
        return self.norm(waves), self.contract(jax.nn.silu(self.expand(waves)))


def cosmos_angles(
    grid: Grid, head_dim: int, rope_scale: tuple[float, float, float], dtype: Dtype
) -> Float[Array, "tokens pairs"]:
    """Angles of Cosmos' tokens at 24 frames a second, a clip's rate in its training.

    A third of a head (rounded down to a whole number of pairs) turns with the height and as much
    with the width; the rest, which comes first, turns with time. The base of the wavelengths grows
    with the stretch so that the slowest pair is slowed by just that factor.
    """
    third = head_dim // 6
    shares = (head_dim // 2 - 2 * third, third, third)
    frequencies = [
        geometric(pairs, 10_000.0 * stretch ** (pairs / (pairs - 1)), dtype)
        for pairs, stretch in zip(shares, rope_scale, strict=True)
    ]
    return grid_angles([jnp.arange(length, dtype=dtype) for length in grid], frequencies)
