"""Deformable attention on three perpendicular planes: to a plane itself, and to cameras."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.deformable import deformable_attention, star
from reelbench.layers.driving_attention import TemporalSelfAttention
from reelbench.layers.driving_spatial import mean_by_index, take_or_zero

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


def planes_of(grid: tuple[int, int, int]) -> tuple[tuple[int, int], ...]:
    """Height and width of the three planes of a volume h × w × z: h × w, z × h, w × z."""
    h, w, z = grid
    return (h, w), (z, h), (w, z)


class CrossViewHybridAttention(nnx.Module):
    """The cells of the horizontal plane sample two copies of that plane.

    Huang et al., "Tri-Perspective View for Vision-Based 3D Semantic Occupancy Prediction", 2023,
    arXiv:2302.07817; wzzheng/TPVFormer ``tpvformer04/modules/cross_view_hybrid_attention.py``,
    ``TPVCrossViewHybridAttention``, without its dropout.

    Args:
        in_features: Width of a cell.
        num_heads: Attention heads.
        num_points: Samples a cell, head and copy.
        plane: Height and width of the plane.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        num_points: int,
        plane: tuple[int, int],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.attention = TemporalSelfAttention(
            in_features, num_heads, num_points, plane,
            dtype=dtype, param_dtype=param_dtype, rngs=rngs,
        )  # fmt: skip

    def __call__(
        self,
        query: Float[Array, "batch cells features"],
        query_position: Float[Array, "cells features"],
    ) -> Float[Array, "batch cells features"]:
        """Update the cells, which stand in raster order."""
        return self.attention(query, jnp.stack([query, query], axis=1), query_position)


class ImageCrossAttention(nnx.Module):
    """Cells of three planes attend to the cameras that see them.

    A cell stands for a line through the volume, with reference points along it: few for the
    vertical lines, many for the horizontal ones. Around the image of each point the cell samples
    the camera's feature maps; the mean over the cameras is projected and added to the cell.
    Positions, weights and sums are at least float32, as in the source.

    Huang et al., "Tri-Perspective View for Vision-Based 3D Semantic Occupancy Prediction", 2023,
    arXiv:2302.07817; wzzheng/TPVFormer ``tpvformer04/modules/image_cross_attention.py``,
    ``TPVImageCrossAttention`` with ``TPVMSDeformableAttention3D``, without its dropout.

    Args:
        in_features: Width of cells, feature maps and output.
        num_heads: Attention heads.
        num_points: Samples a cell, head and level, for each plane.
        num_anchors: Reference points of a cell, for each plane; divides ``num_points``.
        grid: Cells along height, width and the vertical of the volume.
        levels: Height and width of each feature map of a camera.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        *,
        num_points: tuple[int, int, int],
        num_anchors: tuple[int, int, int],
        grid: tuple[int, int, int],
        levels: tuple[tuple[int, int], ...],
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads = num_heads
        self.num_points = num_points
        self.levels = levels
        self.cells = tuple(height * width for height, width in planes_of(grid))
        linear = partial(nnx.Linear, in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        zeros = nnx.initializers.zeros_init()
        xavier = nnx.initializers.xavier_uniform()
        offsets, weights = [], []
        for points, anchors in zip(num_points, num_anchors, strict=True):
            samples = num_heads * len(levels) * points
            around = star(num_heads, len(levels), points // anchors, repeats=anchors)
            offsets.append(linear(2 * samples, kernel_init=zeros, bias_init=around))
            weights.append(linear(samples, kernel_init=zeros))
        self.sampling_offsets, self.attention_weights = nnx.List(offsets), nnx.List(weights)
        self.value_projection = linear(in_features, kernel_init=xavier)
        self.out = linear(in_features, kernel_init=xavier)

    def __call__(
        self,
        query: Float[Array, "batch cells features"],
        value: Float[Array, "batch cameras tokens features"],
        points_hw: Float[Array, "batch cameras visible_hw anchors_hw 2"],
        points_zh: Float[Array, "batch cameras visible_zh anchors_zh 2"],
        points_wz: Float[Array, "batch cameras visible_wz anchors_wz 2"],
        index_hw: Int[Array, "batch cameras visible_hw"],
        index_zh: Int[Array, "batch cameras visible_zh"],
        index_wz: Int[Array, "batch cameras visible_wz"],
    ) -> Float[Array, "batch cells features"]:
        """Update the cells from the cameras' feature maps.

        Args:
            query: Cells of the planes h × w, z × h and w × z, each in raster order.
            value: Feature maps of each camera in raster order, one level after another.
            points_hw: For each cell of the first plane that a camera sees, where its reference
                points appear: (x, y) as shares of the image's width and height.
            points_zh: The same for the second plane.
            points_wz: The same for the third plane.
            index_hw: Which cells of the first plane each camera sees, counted in that plane; an
                index beyond it marks a padded slot, which is computed like any other and dropped.
            index_zh: The same for the second plane.
            index_wz: The same for the third plane.
        """
        batch, cameras = value.shape[:2]
        maps = self.value_projection(value)
        maps = maps.reshape(batch * cameras, -1, self.num_heads, maps.shape[-1] // self.num_heads)
        points = (points_hw, points_zh, points_wz)
        index = (index_hw, index_zh, index_wz)
        borders = (self.cells[0], self.cells[0] + self.cells[1])
        planes = jnp.split(query, borders, axis=1)
        means = [self._attend(i, planes[i], maps, points[i], index[i]) for i in range(3)]
        return query + self.out(jnp.concatenate(means, axis=1).astype(query.dtype))

    def _attend(
        self,
        plane: int,
        query: Float[Array, "batch cells features"],
        maps: Float[Array, "batch*cameras tokens heads head_dim"],
        points: Float[Array, "batch cameras visible anchors 2"],
        index: Int[Array, "batch cameras visible"],
    ) -> Float[Array, "batch cells features"]:
        """What the cells of one plane take from the cameras, before the output projection."""
        batch, _, visible, anchors, _ = points.shape
        wide = jnp.promote_types(query.dtype, jnp.float32)
        seen = jax.vmap(take_or_zero)(query, index).reshape(-1, visible, query.shape[-1])
        samples = (*seen.shape[:2], self.num_heads, len(self.levels), self.num_points[plane])
        offsets = self.sampling_offsets[plane](seen).astype(wide)
        weights = self.attention_weights[plane](seen).astype(wide)
        weights = jax.nn.softmax(weights.reshape(*seen.shape[:2], self.num_heads, -1))
        pixels = jnp.asarray([(width, height) for height, width in self.levels], wide)
        moves = offsets.reshape(*samples[:-1], anchors, -1, 2) / pixels[:, None, None]
        places = points.reshape(-1, visible, 1, 1, anchors, 1, 2) + moves
        attended = deformable_attention(
            maps, self.levels, places.reshape(*samples, 2), weights.reshape(samples)
        )
        attended = attended.reshape(batch, -1, visible, query.shape[-1])
        average = jax.vmap(mean_by_index, in_axes=(0, 0, None))
        return average(attended, index, query.shape[1])
