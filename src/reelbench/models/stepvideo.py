"""Step-Video-T2V's diffusion transformer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.conditioning import SharedModulation
from reelbench.layers.denoised import TableHead
from reelbench.layers.embedding import TubeletEmbedding
from reelbench.layers.rotary import Grid
from reelbench.layers.stepvideo import StepVideoBlock, StepVideoText

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float


class StepVideo(nnx.Module):
    """Predicts the velocity in a latent clip, told the text and the diffusion step.

    Step-Video Team, "Step-Video-T2V Technical Report", 2025, arXiv:2502.10248;
    stepfun-ai/Step-Video-T2V ``stepvideo/modules/model.py``, ``StepVideoModel``. Every latent is a
    token. The two text encoders are not part of it: their outputs are inputs.

    Args:
        features: Width of the tokens.
        depth: Number of blocks.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward networks.
        grid: Frames, height and width of the latent.
        channels: Channels of the latent.
        text_features: Width of the language model that encodes the text.
        clip_features: Width of the CLIP text encoder.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        depth: int,
        num_heads: int,
        mlp_dim: int,
        grid: Grid,
        *,
        channels: int = 64,
        text_features: int = 6144,
        clip_features: int = 1024,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        common: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.embedding = TubeletEmbedding(channels, features, kernel_size=(1, 1, 1), **common)
        self.timestep = SharedModulation(features, step_scale=1000.0, **common)
        self.text = StepVideoText(text_features, clip_features, features, **common)
        block = partial(
            StepVideoBlock,
            features,
            num_heads,
            mlp_dim,
            grid,
            dtype=dtype,
            param_dtype=param_dtype,
        )
        self.blocks = nnx.List([block(rngs=rngs) for _ in range(depth)])
        self.head = TableHead(features, channels, **common)

    def __call__(
        self,
        x: Float[Array, "batch t h w channels"],
        text: Float[Array, "batch text_tokens text_features"],
        clip: Float[Array, "batch clip_tokens clip_features"],
        timestep: Float[Array, " batch"],
        text_mask: Bool[Array, "batch all_text_tokens"] | None = None,
    ) -> Float[Array, "batch t h w channels"]:
        """Predict from the noisy latent ``x``.

        Args:
            x: Noisy latent clip.
            text: Text, encoded by the language model.
            clip: Text, encoded by CLIP.
            timestep: Diffusion step, 0 to 1.
            text_mask: Which of CLIP's tokens, then the language model's, are not padding.
        """
        tokens, words = self.embedding(x), self.text(text, clip)
        embedded, modulation = self.timestep(timestep)
        for block in self.blocks:
            tokens = block(tokens, words, modulation, text_mask)
        return self.head(tokens, embedded).reshape(x.shape)
