"""What stands around the stages of blocks of a windowed transformer: stem, merging, head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

if TYPE_CHECKING:
    from jaxtyping import Array, Float

Size = tuple[int, int, int]


class PatchEmbedding3D(nnx.Module):
    """Patches of a clip, embedded by a strided convolution and normalised, as a volume.

    Liu et al., "Video Swin Transformer", 2022, arXiv:2106.13230; torchvision
    ``models/video/swin_transformer.py``, ``PatchEmbed3d``. The clip is padded with zeros behind to
    whole patches.

    Args:
        in_features: Channels of the clip.
        out_features: Channels of a position.
        patch: Patch lengths along time, height and width.
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
        patch: Size = (2, 4, 4),
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.patch = patch
        self.proj = nnx.Conv(
            in_features,
            out_features,
            patch,
            patch,
            padding="VALID",
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )
        self.norm = nnx.LayerNorm(
            out_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t_patches h_patches w_patches out_features"]:
        """Embed the clip ``x``."""
        behind = [(0, -n % length) for n, length in zip(x.shape[1:4], self.patch, strict=True)]
        return self.norm(self.proj(jnp.pad(x, [(0, 0), *behind, (0, 0)])))


class PatchMerging(nnx.Module):
    """Two by two neighbours of a frame become one position of twice the channels.

    Liu et al., "Swin Transformer", 2021, arXiv:2103.14030, section 3.1; torchvision
    ``models/swin_transformer.py``, ``PatchMerging``. Frames of odd sides are padded with zeros
    behind; time is left as it is.

    Args:
        in_features: Channels of the input.
        epsilon: Epsilon of the LayerNorm over four neighbours' channels.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        *,
        epsilon: float = 1e-5,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.norm = nnx.LayerNorm(
            4 * in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.reduction = nnx.Linear(
            4 * in_features,
            2 * in_features,
            use_bias=False,
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch t half_h half_w twice_features"]:
        """Halve the height and width of ``x``."""
        batch, t, h, w, width = x.shape
        x = jnp.pad(x, [(0, 0), (0, 0), (0, h % 2), (0, w % 2), (0, 0)])
        x = x.reshape(batch, t, (h + 1) // 2, 2, (w + 1) // 2, 2, width)
        # Neighbours side by side in the channels: down before right, as published.
        x = x.transpose(0, 1, 2, 4, 5, 3, 6).reshape(batch, t, (h + 1) // 2, (w + 1) // 2, -1)
        return self.reduction(self.norm(x))


class PooledHead(nnx.Module):
    """LayerNorm, mean over the volume, linear classifier.

    Torchvision ``models/video/swin_transformer.py``, ``SwinTransformer3d``.

    Args:
        in_features: Channels of the input.
        num_classes: Classes.
        epsilon: Epsilon of the LayerNorm.
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
        self.norm = nnx.LayerNorm(
            in_features, epsilon=epsilon, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        self.head = nnx.Linear(
            in_features, num_classes, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch t h w in_features"]
    ) -> Float[Array, "batch num_classes"]:
        """Classify the volume ``x``."""
        return self.head(self.norm(x).mean((1, 2, 3)))
