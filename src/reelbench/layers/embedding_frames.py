"""Embedding frame by frame: each frame is a sequence of its own, or the frames share one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.embedding_tubelets import Size, TubeletEmbedding, learned_table, prepend

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class FrameEmbedding(nnx.Module):
    """Each frame's patches after a class token, with one table of positions for all frames.

    ViViT's factorised encoder (Arnab et al. 2021, arXiv:2103.15691; scenic
    ``projects/vivit/model.py``, ``SpaceTimeViViT``), where a frame is a layer of tubelets, and the
    space-only TimeSformer (facebookresearch/TimeSformer ``timesformer/models/vit.py``).

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a token.
        places: Patches of a frame.
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
        places: int,
        kernel_size: Size = (2, 16, 16),
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.places = places
        self.tubelets = TubeletEmbedding(
            in_features,
            out_features,
            kernel_size=kernel_size,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.cls = nnx.Param(jnp.zeros((1, out_features), param_dtype))
        self.table = learned_table(rngs, 1 + places, out_features, param_dtype)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch frames tokens out_features"]:
        """Embed the clip ``x``; each frame's class token comes first."""
        flat = self.tubelets(x)
        tokens = prepend(
            self.cls[...], flat.reshape(flat.shape[0], -1, self.places, flat.shape[-1])
        )
        return tokens + self.table[...].astype(tokens.dtype)


class DividedEmbedding(nnx.Module):
    """Patches of all frames in one sequence, with a table for places and one for frames.

    Bertasius et al., "TimeSformer", 2021, arXiv:2102.05095; facebookresearch/TimeSformer
    ``timesformer/models/vit.py``, ``VisionTransformer.forward_features``.

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a token.
        places: Patches of a frame.
        num_frames: Frames of the clip.
        patch_size: Height and width of a patch.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        places: int,
        num_frames: int,
        patch_size: int = 16,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.frames = FrameEmbedding(
            in_features,
            out_features,
            places=places,
            kernel_size=(1, patch_size, patch_size),
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.time = learned_table(rngs, num_frames, out_features, param_dtype)

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch tokens out_features"]:
        """Embed the clip ``x``: the class token, then frame after frame of each place in turn."""
        tokens = self.frames(x)
        time = self.time[...].astype(tokens.dtype)
        patches = tokens[:, :, 1:] + time[:, None]
        by_place = patches.swapaxes(1, 2).reshape(tokens.shape[0], -1, tokens.shape[-1])
        return jnp.concatenate([tokens[:, 0, :1], by_place], axis=1)


class FrameSummary(nnx.Module):
    """Each frame's class token, normalised, as a sequence over time with a class token of its own.

    What stands between the two encoders of ViViT's factorised encoder: the spatial encoder's last
    LayerNorm, of which only the class tokens are used, and the temporal encoder's class token and
    position table (scenic ``projects/vivit/model.py``, ``SpaceTimeViViT``).

    Args:
        in_features: Channels of a token.
        num_frames: Frames of tokens.
        epsilon: Epsilon of the LayerNorm.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        *,
        num_frames: int,
        epsilon: float = 1e-6,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.cls = nnx.Param(jnp.zeros((1, in_features), param_dtype))
        self.table = learned_table(rngs, 1 + num_frames, in_features, param_dtype)

    def __call__(
        self, x: Float[Array, "batch frames tokens in_features"]
    ) -> Float[Array, "batch 1+frames in_features"]:
        """Take the first token of each frame."""
        tokens = prepend(self.cls[...], self.norm(x[:, :, 0]))
        return tokens + self.table[...].astype(tokens.dtype)
