"""What a driving stack says of the ground around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.convnorm import ConvNorm, upsample_bilinear

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class OccupancyHead(nnx.Module):
    """Doubles a raster of the ground twice and says of each voxel above it what it is.

    Tesla AI Day, 2021, "heads"; assumed.

    Args:
        in_features: Channels of the raster; halved with each doubling.
        heights: Voxels above a cell.
        num_classes: Classes of a voxel.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        heights: int,
        num_classes: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.shape = (heights, num_classes)
        self.conv1 = ConvNorm(in_features, in_features // 2, **made)
        self.conv2 = ConvNorm(in_features // 2, in_features // 4, **made)
        self.out = nnx.Conv(in_features // 4, heights * num_classes, (1, 1), **made)

    def __call__(
        self, x: Float[Array, "batch rows columns in_features"]
    ) -> Float[Array, "batch rows4 columns4 heights classes"]:
        """The logits of every voxel."""
        x = self.conv1(upsample_bilinear(x, 2))
        x = self.out(self.conv2(upsample_bilinear(x, 2)))
        return x.reshape(*x.shape[:-1], *self.shape)


class DetectionHead(nnx.Module):
    """Says of each cell of a raster whether an object stands there, and what its box is.

    Tesla AI Day, 2021, "heads"; the head is that of Zhou et al., "Objects as Points", 2019,
    arXiv:1904.07850, and assumed.

    Args:
        in_features: Channels of the raster.
        num_classes: Classes of objects.
        box_features: Numbers that describe a box.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        box_features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.class_conv = ConvNorm(in_features, in_features, **made)
        self.box_conv = ConvNorm(in_features, in_features, **made)
        self.classes = nnx.Conv(in_features, num_classes, (1, 1), **made)
        self.boxes = nnx.Conv(in_features, box_features, (1, 1), **made)

    def __call__(
        self, x: Float[Array, "batch rows columns in_features"]
    ) -> tuple[
        Float[Array, "batch rows columns classes"], Float[Array, "batch rows columns box_features"]
    ]:
        """Class logits and boxes of every cell."""
        return self.classes(self.class_conv(x)), self.boxes(self.box_conv(x))
