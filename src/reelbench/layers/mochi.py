"""Blocks of Mochi, in which a narrow stream of text joins a wide one of video."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import TimestepEmbedding, chunks
from reelbench.layers.multihead import attend
from reelbench.layers.projections import Projections, key_mask
from reelbench.layers.rotary import rotate, wide

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class MochiBlock(nnx.Module):
    """A block of Mochi's asymmetric diffusion transformer.

    Text and video have weights and widths of their own and meet in attention of the video's width.
    What a branch adds is normalised before its gate, which is bounded by a tanh.

    Genmo Team, "Mochi 1", 2024; genmoai/mochi ``src/genmo/mochi_preview/dit/joint_model``,
    ``AsymmetricJointBlock``; diffusers ``transformer_mochi.py``, ``MochiTransformerBlock``.

    Args:
        in_features: Width of the video tokens and of the conditioning.
        text_features: Width of the text tokens.
        num_heads: Attention heads.
        mlp_dim: Width inside the gated feed-forward network of the video.
        text_mlp_dim: Width inside that of the text.
        updates_text: Whether the text goes on; after the last block nobody reads it.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        text_features: int,
        num_heads: int,
        mlp_dim: int,
        text_mlp_dim: int,
        *,
        updates_text: bool = True,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.updates_text = updates_text
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        attention: dict[str, Any] = {"use_bias": False, "epsilon": 1e-5, **common}
        norm = partial(nnx.RMSNorm, epsilon=1e-6, use_scale=False, dtype=dtype, rngs=rngs)
        self.norm, self.text_norm = norm(in_features), norm(text_features)
        self.modulation = nnx.Linear(in_features, 4 * in_features, **common)
        self.text_modulation = nnx.Linear(
            in_features, (4 if updates_text else 1) * text_features, **common
        )
        self.video = Projections(in_features, num_heads, **attention)
        self.text = Projections(
            text_features,
            num_heads,
            head_dim=in_features // num_heads,
            out="bias" if updates_text else "none",
            **attention,
        )
        self.mlp = GatedMLP(in_features, mlp_dim, **common)
        self.text_mlp = GatedMLP(text_features, text_mlp_dim, **common) if updates_text else None

    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        text: Float[Array, "batch text_tokens text_features"],
        conditioning: Float[Array, "batch features"],
        angles: Float[Array, "tokens heads pairs"],
        text_mask: Bool[Array, "batch text_tokens"] | None = None,
    ) -> tuple[
        Float[Array, "batch tokens features"], Float[Array, "batch text_tokens text_features"]
    ]:
        """Transform both streams.

        Args:
            x: Video tokens.
            text: Text tokens.
            conditioning: Embedding of the diffusion step and of the whole text.
            angles: Rotation of the video's queries and keys, by learned frequencies.
            text_mask: Which text tokens are not padding.
        """
        tokens, activated = x.shape[1], jax.nn.silu(conditioning)
        scale1, gate1, scale2, gate2 = chunks(self.modulation(activated), 4)
        words = chunks(self.text_modulation(activated), 4 if self.updates_text else 1)

        q, k, v = self.video.split(self.norm(x) * (1 + scale1))
        text_q, text_k, text_v = self.text.split(self.text_norm(text) * (1 + words[0]))
        found = attend(
            jnp.concatenate([rotate(q, angles), text_q], axis=1),
            jnp.concatenate([rotate(k, angles), text_k], axis=1),
            jnp.concatenate([v, text_v], axis=1),
            mask=None if text_mask is None else key_mask(text_mask, tokens),
        )
        x = x + self.norm(self.video.merge(found[:, :tokens])) * jnp.tanh(gate1)
        x = x + self.norm(self.mlp(self.norm(x) * (1 + scale2))) * jnp.tanh(gate2)
        if self.text_mlp is not None:
            _, gate1, scale2, gate2 = words
            text = text + self.text_norm(self.text.merge(found[:, tokens:])) * jnp.tanh(gate1)
            added = self.text_mlp(self.text_norm(text) * (1 + scale2))
            text = text + self.text_norm(added) * jnp.tanh(gate2)
        return x, text


class GatedMLP(nnx.Module):
    """A linear map to twice the width, half of it gating the other by SiLU, and a linear map back.

    Args:
        in_features: Channels of the input and of the output.
        hidden_features: Channels of each half.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = partial(
            nnx.Linear, use_bias=False, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.expand = linear(in_features, 2 * hidden_features)
        self.contract = linear(hidden_features, in_features)

    def __call__(
        self, x: Float[Array, "batch tokens in_features"]
    ) -> Float[Array, "batch tokens in_features"]:
        """Map each token by itself."""
        values, gates = jnp.split(self.expand(x), 2, axis=-1)
        return self.contract(values * jax.nn.silu(gates))


class MochiEmbedding(nnx.Module):
    """Patches of a latent clip as tokens, and the angles of the tokens by learned frequencies.

    diffusers ``transformer_mochi.py``, ``MochiRoPE`` and ``pos_frequencies``: every head and pair
    has a frequency for each axis; positions in the frame are those of a picture of a fixed area,
    centred.

    Args:
        in_features: Channels of the latent.
        features: Width of the model.
        num_heads: Attention heads.
        patch: Height and width of a patch.
        side: Height and width, in tokens, of a square picture of that area.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        num_heads: int,
        *,
        patch: tuple[int, int] = (2, 2),
        side: float = 192.0,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.side = side
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        kernel = (1, *patch)
        self.proj = nnx.Conv(in_features, features, kernel, kernel, padding="VALID", **common)
        shape = (3, num_heads, features // num_heads // 2)
        self.frequencies = nnx.Param(jnp.zeros(shape, param_dtype))

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> tuple[Float[Array, "batch tokens features"], Float[Array, "tokens heads pairs"]]:
        """Return the tokens of ``x`` and their angles."""
        tokens = self.proj(x)
        grid, dtype = tokens.shape[1:4], wide(tokens.dtype)
        apart = self.side / (grid[1] * grid[2]) ** 0.5
        positions = [
            jnp.arange(grid[0], dtype=dtype)[:, None, None],
            ((jnp.arange(grid[1], dtype=dtype) + 0.5 - grid[1] / 2) * apart)[:, None],
            (jnp.arange(grid[2], dtype=dtype) + 0.5 - grid[2] / 2) * apart,
        ]
        frequencies = self.frequencies[...].astype(dtype)
        turned = (p[..., None, None] * f for p, f in zip(positions, frequencies, strict=True))
        angles = sum(turned, start=jnp.zeros((*grid, 1, 1), dtype))
        return (
            tokens.reshape(len(x), prod(grid), tokens.shape[-1]),
            angles.reshape(prod(grid), *frequencies.shape[1:]),
        )


class MochiConditioning(nnx.Module):
    """The diffusion step plus an attention-pooled text as one vector, and the text as tokens.

    diffusers ``models/embeddings.py``, ``MochiCombinedTimestepCaptionEmbedding`` and
    ``MochiAttentionPool``: the mean token is the only query, and one of the keys.

    Args:
        in_features: Width of the text encoder.
        features: Width of the conditioning.
        text_features: Width of the text tokens in the blocks.
        num_heads: Heads of the pooling attention.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        text_features: int,
        *,
        num_heads: int = 8,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads = num_heads
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.timestep = TimestepEmbedding(features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.query = linear(in_features, in_features)
        self.key = linear(in_features, in_features)
        self.value = linear(in_features, in_features)
        self.out = linear(in_features, features)
        self.text = linear(in_features, text_features)

    def __call__(
        self,
        timestep: Float[Array, " batch"],
        text: Float[Array, "batch text_tokens in_features"],
        text_mask: Bool[Array, "batch text_tokens"] | None = None,
    ) -> tuple[Float[Array, "batch features"], Float[Array, "batch text_tokens text_features"]]:
        """Return the conditioning and the text tokens.

        Args:
            timestep: Diffusion step.
            text: Encoded text.
            text_mask: Which text tokens are not padding.
        """
        real = jnp.ones(text.shape[:2], bool) if text_mask is None else text_mask.astype(bool)
        weights = real[..., None].astype(text.dtype)
        mean = (text * weights).sum(axis=1) / jnp.maximum(weights.sum(axis=1), 1)
        tokens = jnp.concatenate([mean[:, None], text], axis=1)

        def by_head(y: Float[Array, "batch n features"]) -> Float[Array, "batch n heads head_dim"]:
            return y.reshape(*y.shape[:2], self.num_heads, -1)

        pooled = attend(
            by_head(self.query(tokens[:, :1])),
            by_head(self.key(tokens)),
            by_head(self.value(tokens)),
            mask=None if text_mask is None else key_mask(real, 1),
        )
        return self.timestep(timestep) + self.out(pooled.reshape(len(text), -1)), self.text(text)
