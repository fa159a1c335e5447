"""What stands before and behind the blocks of a driving world model: embedding and head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class DrivingEmbedding(nnx.Module):
    """Text, image and action tokens of each frame, interleaved, with tables for frame and place.

    Hu et al., "GAIA-1", 2023, arXiv:2309.17080, section 2.2: text features are mapped linearly,
    image tokens looked up, every action, a number, mapped by a linear map of its own. Tokens of a
    frame share an entry of one table, tokens at one place of their frames an entry of another.

    Args:
        vocabulary: Image tokens that there are.
        out_features: Channels of a token.
        frames: Frames of a clip.
        image_tokens: Image tokens of a frame.
        text_tokens: Text tokens of a frame.
        text_features: Channels of the text features.
        actions: Actions of a frame.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        vocabulary: int,
        out_features: int,
        *,
        frames: int,
        image_tokens: int,
        text_tokens: int,
        text_features: int,
        actions: int,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def table(entries: int) -> nnx.Param[Array]:
            init = nnx.initializers.truncated_normal(0.02)
            return nnx.Param(init(rngs.params(), (entries, out_features), param_dtype))

        self.image = nnx.Embed(
            vocabulary, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.text = nnx.Linear(
            text_features, out_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.action_scale = table(actions)
        self.action_shift = table(actions)
        self.times = table(frames)
        self.places = table(text_tokens + image_tokens + actions)

    def __call__(
        self,
        text: Float[Array, "batch t text_tokens text_features"],
        image: Int[Array, "batch t image_tokens"],
        actions: Float[Array, "batch t actions"],
    ) -> Float[Array, "batch tokens out_features"]:
        """Embed a clip: frame after frame, of each its text, its image, its actions."""
        tokens = self.text(text)
        dtype = tokens.dtype
        scale, shift = self.action_scale[...].astype(dtype), self.action_shift[...].astype(dtype)
        acted = actions[..., None].astype(dtype) * scale + shift
        tokens = jnp.concatenate([tokens, self.image(image), acted], axis=2)
        tokens += self.times[...].astype(dtype)[:, None]
        tokens += self.places[...].astype(dtype)
        return tokens.reshape(tokens.shape[0], -1, tokens.shape[-1])


class NextTokenHead(nnx.Module):
    """LayerNorm and a linear map to the logits of the next token.

    Hu et al., "GAIA-1", 2023, arXiv:2309.17080, section 2.2.

    Args:
        in_features: Channels of a token.
        vocabulary: Tokens that there are.
        epsilon: Epsilon of the LayerNorm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        vocabulary: int,
        *,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.logits = nnx.Linear(
            in_features,
            vocabulary,
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch *tokens in_features"]
    ) -> Float[Array, "batch *tokens vocabulary"]:
        """Give the logits of the token after each of ``x``."""
        return self.logits(self.norm(x))
