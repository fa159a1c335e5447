"""The predictor of V-JEPA 2: from the features of a clip's context to those of its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.attention import Grid, JointAttentionBlock

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


def take(
    x: Float[Array, "batch n features"], index: Int[Array, "batch kept"]
) -> Float[Array, "batch kept features"]:
    """The tokens of each clip whose indices are given."""
    return jnp.take_along_axis(x, index[..., None], axis=1)


class PredictorTokens(nnx.Module):
    """Context tokens at the predictor's width, then a mask token for each target.

    Assran et al., "V-JEPA 2", 2025, arXiv:2506.09985; facebookresearch/vjepa2
    ``src/models/predictor.py``, ``VisionTransformerPredictor``. There is a mask token for each kind
    of mask and length of clip, of which a clip uses the first.

    Args:
        in_features: Channels of the encoder.
        out_features: Channels of the predictor.
        num_mask_tokens: How many mask tokens are learned.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        num_mask_tokens: int,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.proj = nnx.Linear(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.mask = nnx.Param(jnp.zeros((num_mask_tokens, out_features), param_dtype))

    def __call__(
        self,
        x: Float[Array, "batch context in_features"],
        targets: Int[Array, "batch targets"],
    ) -> Float[Array, "batch context+targets out_features"]:
        """Put a mask token behind ``x`` for each of ``targets``, whose places attention adds."""
        seen = self.proj(x)
        masked = jnp.broadcast_to(self.mask[0].astype(seen.dtype), (*targets.shape, seen.shape[-1]))
        return jnp.concatenate([seen, masked], axis=1)


class PredictorHead(nnx.Module):
    """Norm and a linear map back to the encoder's width, of the target tokens alone.

    V-JEPA 2, ``src/models/predictor.py``, ``VisionTransformerPredictor``; the norm is of each
    token, so those of the context need none.

    Args:
        in_features: Channels of the predictor.
        out_features: Channels of the encoder.
        targets: How many tokens, at the end of the sequence, are targets.
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
        targets: int | None = None,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.targets = targets
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.proj = nnx.Linear(
            in_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch n in_features"], targets: int | None = None
    ) -> Float[Array, "batch targets out_features"]:
        """Predict the features of the targets from the predictor's tokens ``x``.

        Args:
            x: Tokens, the targets last.
            targets: How many are targets, where masks of several sizes share the layer.
        """
        count = targets or self.targets or x.shape[1]
        return self.proj(self.norm(x[:, -count:]))


class Predictor(nnx.Module):
    """Mask tokens, blocks with rotary positions, head.

    V-JEPA 2, ``src/models/predictor.py``, ``vit_predictor``. The source sorts the tokens by their
    place before the blocks and undoes it after; attention that rotates each token by its place
    does not see the order, so it is left out.

    Args:
        in_features: Channels of the encoder.
        features: Channels of the predictor.
        depth: Number of blocks.
        num_heads: Number of heads.
        mlp_dim: Channels inside the MLP.
        grid: Tokens of the clip along time, height and width.
        num_mask_tokens: How many mask tokens are learned.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        features: int,
        *,
        depth: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        num_mask_tokens: int,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.tokens = PredictorTokens(
            in_features,
            features,
            num_mask_tokens=num_mask_tokens,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.blocks = nnx.List(
            JointAttentionBlock(
                features,
                num_heads,
                mlp_dim,
                qkv_bias=True,
                rotary_grid=grid,
                dtype=dtype,
                param_dtype=param_dtype,
                rngs=rngs,
            )
            for _ in range(depth)
        )
        self.head = PredictorHead(
            features, in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self,
        x: Float[Array, "batch context in_features"],
        context: Int[Array, "batch context"],
        targets: Int[Array, "batch targets"],
    ) -> Float[Array, "batch targets in_features"]:
        """Predict the features at ``targets`` from the features ``x`` at ``context``."""
        tokens = self.tokens(x, targets)
        places = jnp.concatenate([context, targets], axis=1)
        for block in self.blocks:
            tokens = block(tokens, places)
        return self.head(tokens, targets.shape[1])
