"""World models: what comes next, given what was seen and done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.autoregressive import CausalBlock, DrivingEmbedding, NextTokenHead
from reelbench.layers.spacetime import MaskedTokenEmbedding, STBlock, TokenLogits

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class STMaskGIT(nnx.Module):
    """Space-time blocks over the tokens of all frames, some of them masked.

    Bruce et al., "Genie: Generative Interactive Environments", 2024, arXiv:2402.15391;
    1x-technologies/1xgpt ``genie/st_mask_git.py``, ``STMaskGIT``. Dropout is left out.

    Args:
        embedding: Options of the `MaskedTokenEmbedding`.
        block: Options of every `STBlock`.
        depth: Blocks.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        embedding: Mapping[str, Any],
        block: Mapping[str, Any],
        depth: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embedding = MaskedTokenEmbedding(**embedding, **kinds)
        self.blocks = nnx.List([STBlock(**block, **kinds) for _ in range(depth)])
        self.logits = TokenLogits(
            embedding["out_features"],
            embedding["vocabulary"],
            digits=embedding.get("digits", 1),
            **kinds,
        )

    def __call__(
        self, tokens: Int[Array, "batch t s"], actions: Int[Array, "batch t"] | None = None
    ) -> Float[Array, "batch t s digits vocabulary"]:
        """Give the logits of all tokens from those of their own and earlier frames.

        Args:
            tokens: Tokens of ``s`` places in ``t`` frames, masked ones among them.
            actions: What is done after each frame, in a model with actions.
        """
        x = self.embedding(tokens, actions)
        for block in self.blocks:
            x = block(x)
        return self.logits(x)


class DrivingWorld(nnx.Module):
    """An autoregressive transformer over text, image and action tokens of all frames.

    Hu et al., "GAIA-1: A Generative World Model for Autonomous Driving", 2023, arXiv:2309.17080,
    section 2.2: text features, image tokens and actions are given; the next image token is
    predicted. Dropout is left out.

    Args:
        embedding: Options of the `DrivingEmbedding`.
        block: Options of every `CausalBlock`.
        depth: Blocks.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        embedding: Mapping[str, Any],
        block: Mapping[str, Any],
        depth: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        kinds: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embedding = DrivingEmbedding(**embedding, **kinds)
        self.blocks = nnx.List([CausalBlock(**block, **kinds) for _ in range(depth)])
        self.head = NextTokenHead(embedding["out_features"], embedding["vocabulary"], **kinds)

    def __call__(
        self,
        text: Float[Array, "batch t text_tokens text_features"],
        image: Int[Array, "batch t image_tokens"],
        actions: Float[Array, "batch t actions"],
    ) -> Float[Array, "batch t image_tokens vocabulary"]:
        """Give the logits of every image token from all that comes before it."""
        x = self.embedding(text, image, actions)
        for block in self.blocks:
            x = block(x)
        frames = x.reshape(*image.shape[:2], -1, x.shape[-1])
        # What stands before an image token predicts it: the first follows the last text token.
        before = text.shape[2] - 1
        return self.head(frames[:, :, before : before + image.shape[2]])
