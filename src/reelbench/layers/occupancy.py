"""Occupancy: three perpendicular planes of features, filled from cameras, that span a volume."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.driving_blocks import FeedForward
from reelbench.layers.driving_tables import CameraEmbedding, PlanePosition, table
from reelbench.layers.occupancy_attention import (
    CrossViewHybridAttention,
    ImageCrossAttention,
    planes_of,
)

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

__all__ = [
    "CrossViewHybridAttention",
    "ImageCrossAttention",
    "TPVAggregator",
    "TPVEmbedding",
    "TPVFormerLayer",
]


class TPVFormerLayer(nnx.Module):
    """Hybrid attention, image cross-attention and feed-forward, each then normalised.

    Huang et al., "Tri-Perspective View for Vision-Based 3D Semantic Occupancy Prediction", 2023,
    arXiv:2302.07817; wzzheng/TPVFormer ``tpvformer04/modules/tpvformer_layer.py``,
    ``TPVFormerLayer``, without dropout.

    Args:
        in_features: Width of cells, feature maps and output.
        num_heads: Heads of both attentions.
        hybrid_points: Samples a cell, head and copy in the hybrid attention.
        num_points: Samples a cell, head and level in the images, for each plane.
        num_anchors: Reference points of a cell, for each plane.
        grid: Cells along height, width and the vertical of the volume.
        levels: Height and width of each feature map of a camera.
        mlp_dim: Width inside the feed-forward part.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        *,
        hybrid_points: int,
        num_points: tuple[int, int, int],
        num_anchors: tuple[int, int, int],
        grid: tuple[int, int, int],
        levels: tuple[tuple[int, int], ...],
        mlp_dim: int,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        norm = partial(nnx.LayerNorm, in_features, epsilon=1e-5, **each)
        plane = planes_of(grid)[0]
        self.cells = plane[0] * plane[1]
        self.hybrid = CrossViewHybridAttention(in_features, num_heads, hybrid_points, plane, **each)
        self.hybrid_norm = norm()
        self.image = ImageCrossAttention(
            in_features,
            num_heads,
            num_points=num_points,
            num_anchors=num_anchors,
            grid=grid,
            levels=levels,
            **each,
        )
        self.image_norm = norm()
        self.mlp = FeedForward(in_features, mlp_dim, **each)
        self.mlp_norm = norm()

    def __call__(
        self,
        query: Float[Array, "batch cells features"],
        query_position: Float[Array, "cells_hw features"],
        value: Float[Array, "batch cameras tokens features"],
        points_hw: Float[Array, "batch cameras visible_hw anchors_hw 2"],
        points_zh: Float[Array, "batch cameras visible_zh anchors_zh 2"],
        points_wz: Float[Array, "batch cameras visible_wz anchors_wz 2"],
        index_hw: Int[Array, "batch cameras visible_hw"],
        index_zh: Int[Array, "batch cameras visible_zh"],
        index_wz: Int[Array, "batch cameras visible_wz"],
    ) -> Float[Array, "batch cells features"]:
        """Update the planes; see the two attentions for the arguments."""
        flat, upright = jnp.split(query, (self.cells,), axis=1)
        query = jnp.concatenate([self.hybrid(flat, query_position), upright], axis=1)
        query = self.hybrid_norm(query)
        points, index = (points_hw, points_zh, points_wz), (index_hw, index_zh, index_wz)
        query = self.image_norm(self.image(query, value, *points, *index))
        return self.mlp_norm(self.mlp(query))


class TPVEmbedding(nnx.Module):
    """The learned cells of three planes, and embeddings of cameras and levels.

    Huang et al., "Tri-Perspective View for Vision-Based 3D Semantic Occupancy Prediction", 2023,
    arXiv:2302.07817; wzzheng/TPVFormer ``tpvformer04/tpv_head.py``, ``TPVFormerHead``.

    Args:
        features: Channels of a cell and of a feature.
        grid: Cells along height, width and the vertical of the volume.
        cameras: Number of cameras.
        levels: Height and width of each feature map of a camera.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        grid: tuple[int, int, int],
        cameras: int,
        levels: tuple[tuple[int, int], ...],
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.dtype = dtype or param_dtype
        planes = planes_of(grid)
        rows_of = partial(table, nnx.initializers.normal(1.0), features, param_dtype, rngs)
        self.planes = nnx.List([rows_of(height * width) for height, width in planes])
        self.position = PlanePosition(features, planes[0], **each)
        self.camera = CameraEmbedding(
            features, cameras=cameras, levels=levels, rows=len(levels), **each
        )

    def __call__(
        self, value: Float[Array, "batch cameras tokens features"]
    ) -> tuple[
        Float[Array, "batch cells features"],
        Float[Array, "cells_hw features"],
        Float[Array, "batch cameras tokens features"],
    ]:
        """The cells of all planes, the positions of the first, and the embedded features."""
        cells = jnp.concatenate([plane[...] for plane in self.planes]).astype(self.dtype)
        cells = jnp.broadcast_to(cells, (len(value), *cells.shape))
        return cells, self.position(), self.camera(value)


class TPVAggregator(nnx.Module):
    """A voxel is the sum of its shadows on three planes; two linear maps and a classifier follow.

    Huang et al., "Tri-Perspective View for Vision-Based 3D Semantic Occupancy Prediction", 2023,
    arXiv:2302.07817; wzzheng/TPVFormer ``tpvformer04/tpv_aggregator.py``, ``TPVAggregator`` at
    scale 1, for the whole volume.

    Args:
        in_features: Channels of a cell.
        hidden_features: Channels between the linear maps.
        out_features: Channels before the classifier.
        num_classes: Classes of a voxel.
        grid: Cells along height, width and the vertical of the volume.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        *,
        hidden_features: int,
        out_features: int,
        num_classes: int,
        grid: tuple[int, int, int],
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.grid = grid
        self.fc1 = linear(in_features, hidden_features)
        self.fc2 = linear(hidden_features, out_features)
        self.classifier = linear(out_features, num_classes)

    def __call__(
        self, query: Float[Array, "batch cells features"]
    ) -> Float[Array, "batch w h z classes"]:
        """Logits of every voxel, from the planes h × w, z × h and w × z in raster order."""
        sizes = planes_of(self.grid)
        borders = (sizes[0][0] * sizes[0][1], query.shape[1] - sizes[2][0] * sizes[2][1])
        hw, zh, wz = (
            plane.reshape(len(query), *size, -1)
            for plane, size in zip(jnp.split(query, borders, axis=1), sizes, strict=True)
        )
        voxels = (
            jnp.swapaxes(hw, 1, 2)[:, :, :, None]
            + jnp.swapaxes(zh, 1, 2)[:, None]
            + wz[:, :, None]
        )  # fmt: skip
        return self.classifier(self.fc2(jax.nn.softplus(self.fc1(voxels))))
