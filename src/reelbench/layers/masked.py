"""Masked video modelling: an encoder sees a few tokens of a clip, a decoder guesses the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.attention import JointAttentionBlock
from reelbench.layers.embedding import ClipEmbedding
from reelbench.layers.embedding_tubelets import Size, learned_table, sinusoid_table
from reelbench.layers.masked_average import AverageUpdate
from reelbench.layers.masked_predictor import Predictor, PredictorHead, PredictorTokens, take
from reelbench.layers.multihead import Bias

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

__all__ = [
    "AverageUpdate",
    "JointAttentionBlock",
    "MaskTokens",
    "PixelHead",
    "Predictor",
    "PredictorHead",
    "PredictorTokens",
    "VisibleBlock",
    "VisibleEmbedding",
    "take",
]


class VisibleEmbedding(nnx.Module):
    """All tubelets of a clip with their positions, of which the visible ones are kept.

    Tong et al., "VideoMAE", 2022, arXiv:2203.12602; MCG-NJU/VideoMAE ``modeling_pretrain.py``,
    ``PretrainVisionTransformerEncoder``.

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a token.
        tokens: Tubelets of the clip.
        kernel_size: Tubelet lengths along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        tokens: int,
        kernel_size: Size = (2, 16, 16),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.embed = ClipEmbedding(
            in_features,
            out_features,
            tokens=tokens,
            kernel_size=kernel_size,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self,
        x: Float[Array, "batch t h w in_features"],
        visible: Int[Array, "batch kept"],
    ) -> Float[Array, "batch kept out_features"]:
        """Embed the clip ``x`` and keep the tokens whose indices are in ``visible``."""
        return take(self.embed(x), visible)


class VisibleBlock(nnx.Module):
    """A step of VideoMAE's encoder: the visible tokens of a clip, and a block over them.

    Args:
        in_features: Channels of a token.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        qkv_bias: Whether queries, keys and values have a bias; ``"qv"`` gives the keys none.
        gelu: The GELU by the error function, or its tanh approximation.
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
        qkv_bias: Bias = "qv",
        gelu: Literal["exact", "tanh"] = "exact",
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.block = JointAttentionBlock(
            in_features,
            num_heads,
            mlp_dim,
            qkv_bias=qkv_bias,
            gelu=gelu,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self,
        x: Float[Array, "batch n in_features"],
        visible: Int[Array, "batch kept"],
    ) -> Float[Array, "batch kept in_features"]:
        """Keep the tokens of ``x`` whose indices are in ``visible`` and mix them."""
        return self.block(take(x, visible))


class MaskTokens(nnx.Module):
    """What the decoder sees: encoded visible tokens, then a mask token for each hidden place.

    The encoder's last norm, the map to the decoder's width, and the positions of both kinds of
    tokens; the order of the clip is not restored. VideoMAE, ``modeling_pretrain.py``,
    ``PretrainVisionTransformer``.

    Args:
        in_features: Channels of the encoder.
        out_features: Channels of the decoder.
        tokens: Tubelets of the clip.
        epsilon: Epsilon of the LayerNorm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        tokens: int,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.tokens = tokens
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.proj = nnx.Linear(
            in_features,
            out_features,
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.mask = learned_table(rngs, 1, out_features, param_dtype)

    def __call__(
        self,
        x: Float[Array, "batch kept in_features"],
        visible: Int[Array, "batch kept"],
        hidden: Int[Array, "batch masked"],
    ) -> Float[Array, "batch kept+masked out_features"]:
        """Put mask tokens behind ``x``.

        Args:
            x: Visible tokens.
            visible: Their indices in the clip.
            hidden: Indices of the tokens to guess.
        """
        seen = self.proj(self.norm(x))
        table = sinusoid_table(self.tokens, seen.shape[-1], seen.dtype)
        masked = self.mask[...].astype(seen.dtype) + table[hidden]
        return jnp.concatenate([seen + table[visible], masked], axis=1)


class PixelHead(nnx.Module):
    """Norm and a linear map to pixels, of the hidden tokens alone.

    VideoMAE, ``modeling_pretrain.py``, ``PretrainVisionTransformerDecoder``.

    Args:
        in_features: Channels of a token.
        out_features: Values of a tubelet: its pixels times colours.
        hidden: How many tokens, at the end of the sequence, are hidden ones.
        epsilon: Epsilon of the LayerNorm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        hidden: int,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.hidden = hidden
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.proj = nnx.Linear(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch n in_features"]
    ) -> Float[Array, "batch hidden out_features"]:
        """Guess the hidden tubelets from the decoder's tokens ``x``."""
        return self.proj(self.norm(x[:, -self.hidden :]))
