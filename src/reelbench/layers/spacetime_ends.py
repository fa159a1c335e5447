"""What stands before and behind space-time blocks: embedding of masked tokens, and their logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class MaskedTokenEmbedding(nnx.Module):
    """Tokens of all frames, some of them masked, with a position for each frame and place.

    1x-technologies/1xgpt ``genie/factorization_utils.py``, ``FactorizedEmbedding``, and
    ``genie/st_mask_git.py``: a token is a number of several digits, each looked up in a vocabulary
    of its own; the number behind the last token is the mask. Bruce et al., "Genie", 2024,
    arXiv:2402.15391, section 2.1, adds an embedding of the action that follows each frame.

    Args:
        vocabulary: Values of a digit.
        out_features: Channels of a token.
        digits: Digits of a token.
        frames: Frames of a clip.
        places: Tokens of a frame.
        num_actions: Actions that there are; with none, none are taken.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        vocabulary: int,
        out_features: int,
        *,
        digits: int = 1,
        frames: int,
        places: int,
        num_actions: int = 0,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def embed(entries: int) -> nnx.Embed:
            return nnx.Embed(entries, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)

        self.vocabulary = vocabulary
        self.embeds = nnx.List([embed(vocabulary) for _ in range(digits)])
        self.mask = nnx.Param(jnp.zeros((out_features,), param_dtype))
        self.positions = nnx.Param(jnp.zeros((frames, places, out_features), param_dtype))
        if num_actions:
            self.actions = embed(num_actions)

    def __call__(
        self, tokens: Int[Array, "batch t s"], actions: Int[Array, "batch t"] | None = None
    ) -> Float[Array, "batch t s out_features"]:
        """Embed the numbers ``tokens`` of ``s`` places in ``t`` frames.

        Args:
            tokens: From zero to the vocabulary to the power of the digits, which is the mask.
            actions: What is done after each frame.
        """
        rest, found = tokens, []
        for embed in self.embeds:
            found.append(embed(rest % self.vocabulary))
            rest = rest // self.vocabulary
        x = sum(found[1:], found[0])
        # After all digits only the mask has something left.
        x = jnp.where(rest[..., None] > 0, self.mask[...].astype(x.dtype), x)
        if actions is not None:
            x += self.actions(actions)[:, :, None]
        return x + self.positions[...].astype(x.dtype)


class TokenLogits(nnx.Module):
    """A linear map to the logits of every digit of a token.

    1x-technologies/1xgpt ``genie/st_mask_git.py``, ``STMaskGIT.out_x_proj``.

    Args:
        in_features: Channels of a token.
        vocabulary: Values of a digit.
        digits: Digits of a token.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        vocabulary: int,
        *,
        digits: int = 1,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.digits = digits
        self.proj = nnx.Linear(
            in_features, digits * vocabulary, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t s in_features"]
    ) -> Float[Array, "batch t s digits vocabulary"]:
        """Give the logits of each token of ``x``."""
        return self.proj(x).reshape(*x.shape[:-1], self.digits, -1)
