"""V-JEPA 2: an encoder, and the predictor and teacher that it is pre-trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.attention import Grid, JointAttentionBlock, TokenNorm
from reelbench.layers.embedding import TubeletEmbedding
from reelbench.layers.masked import Predictor, take

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class Encoder(nnx.Module):
    """A Vision Transformer whose attention knows time, row and column of each tubelet.

    Assran et al., "V-JEPA 2", 2025, arXiv:2506.09985; facebookresearch/vjepa2
    ``src/models/vision_transformer.py``, ``VisionTransformer`` with ``use_rope``. Drop path is
    left out.

    Args:
        in_features: Channels of the clip.
        width: Channels of a token.
        depth: Number of blocks.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLPs.
        grid: Tubelets along time, height and width.
        kernel_size: Tubelet lengths along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        depth: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        kernel_size: tuple[int, int, int] = (2, 16, 16),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embed = TubeletEmbedding(in_features, width, kernel_size=kernel_size, **kinds)
        self.blocks = nnx.List(
            JointAttentionBlock(width, num_heads, mlp_dim, qkv_bias=True, rotary_grid=grid, **kinds)
            for _ in range(depth)
        )
        self.norm = TokenNorm(width, **kinds)

    def encode(
        self,
        tokens: Float[Array, "batch n width"],
        positions: Int[Array, "batch n"] | None = None,
    ) -> Float[Array, "batch n width"]:
        """The features of embedded tokens; by default those of a whole clip, in order."""
        for block in self.blocks:
            tokens = block(tokens, positions)
        return self.norm(tokens)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch tokens width"]:
        """The features of the clip ``x``."""
        return self.encode(self.embed(x))


class JointEmbedding(nnx.Module):
    """Encoder and predictor, and a teacher whose features the predictor learns to guess.

    Assran et al., "V-JEPA 2", 2025, arXiv:2506.09985; facebookresearch/vjepa2
    ``app/vjepa/train.py``. A clip is seen under several masks by the same weights; it is embedded
    once, where the source does so for every mask. The teacher starts as a copy of the encoder,
    and no gradient reaches it; `AverageUpdate` is how it follows. Drop path is left out.

    Args:
        in_features: Channels of the clip.
        width: Channels of the encoder.
        depth: Blocks of the encoder.
        num_heads: Heads of the encoder.
        mlp_dim: Channels inside the encoder's MLPs.
        grid: Tubelets along time, height and width.
        predictor_width: Channels of the predictor.
        predictor_depth: Blocks of the predictor.
        predictor_heads: Heads of the predictor.
        predictor_mlp_dim: Channels inside the predictor's MLPs.
        num_mask_tokens: How many mask tokens the predictor has.
        teacher: Whether there is a teacher.
        kernel_size: Tubelet lengths along time, height and width.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        depth: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        predictor_width: int,
        predictor_depth: int,
        predictor_heads: int,
        predictor_mlp_dim: int,
        num_mask_tokens: int,
        teacher: bool = True,
        kernel_size: tuple[int, int, int] = (2, 16, 16),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.encoder = Encoder(
            in_features,
            width,
            depth=depth,
            num_heads=num_heads,
            mlp_dim=mlp_dim,
            grid=grid,
            kernel_size=kernel_size,
            **kinds,
        )
        self.teacher = nnx.clone(self.encoder) if teacher else None
        self.predictor = Predictor(
            width,
            predictor_width,
            depth=predictor_depth,
            num_heads=predictor_heads,
            mlp_dim=predictor_mlp_dim,
            grid=grid,
            num_mask_tokens=num_mask_tokens,
            **kinds,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"], *masks: Int[Array, "batch n"]
    ) -> tuple[
        tuple[Float[Array, "batch targets width"], ...],
        tuple[Float[Array, "batch targets width"], ...],
    ]:
        """Guess the features of hidden tubelets from those of visible ones.

        Args:
            x: The clip.
            masks: For each mask the indices of its context, then those of its targets.

        Returns:
            The predictor's features of each mask's targets, and the teacher's, normalised; without
            a teacher the second is empty.
        """
        pairs = list(zip(masks[0::2], masks[1::2], strict=True))
        tokens = self.encoder.embed(x)
        guessed = tuple(
            self.predictor(self.encoder.encode(take(tokens, context), context), context, targets)
            for context, targets in pairs
        )
        if self.teacher is None:
            return guessed, ()
        known = jax.lax.stop_gradient(standardise(self.teacher(x)))
        return guessed, tuple(take(known, targets) for _, targets in pairs)


def standardise(x: Float[Array, "*axes width"]) -> Float[Array, "*axes width"]:
    """Mean zero and variance one in each token: a LayerNorm without parameters."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return jax.nn.standardize(wide, epsilon=1e-5).astype(x.dtype)
