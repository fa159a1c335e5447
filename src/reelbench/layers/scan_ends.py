"""What stands before and behind the scans of a video model: embedding and head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class FrameEmbedding(nnx.Module):
    """Patches of each frame as tokens, with tables for place and time, behind one class token.

    Li et al., "VideoMamba", 2024, arXiv:2403.06977; OpenGVLab/VideoMamba
    ``video_sm/models/videomamba.py``, ``VisionMamba.forward_features``. The table of places has an
    entry for the class token.

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a token.
        frames: Frames that the table of times has entries for.
        places: Patches of a frame.
        patch: Sides of a patch.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        frames: int,
        places: int,
        patch: tuple[int, int] = (16, 16),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        def table(entries: int, deviation: float) -> nnx.Param[Array]:
            init = nnx.initializers.truncated_normal(deviation)
            return nnx.Param(init(rngs.params(), (entries, out_features), param_dtype))

        self.proj = nnx.Conv(
            in_features,
            out_features,
            (1, *patch),
            (1, *patch),
            padding="VALID",
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.class_token = table(1, 0.0)
        self.places = table(1 + places, 0.02)
        self.times = table(frames, 0.0)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch tokens out_features"]:
        """Embed the clip ``x``: the class token, then frame after frame."""
        grid = self.proj(x)
        batch, t, _, _, width = grid.shape
        places = self.places[...].astype(grid.dtype)
        tokens = grid.reshape(batch, t, -1, width) + places[1:]
        tokens += self.times[...].astype(grid.dtype)[:, None]
        first = self.class_token[...].astype(grid.dtype) + places[:1]
        first = jnp.broadcast_to(first, (batch, 1, width))
        return jnp.concatenate([first, tokens.reshape(batch, -1, width)], axis=1)


class FirstTokenHead(nnx.Module):
    """RMS-norm and linear classifier of the first token.

    OpenGVLab/VideoMamba ``video_sm/models/videomamba.py``, ``VisionMamba``.

    Args:
        in_features: Channels of a token.
        num_classes: Classes.
        epsilon: Epsilon of the RMS-norm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.RMSNorm(
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
