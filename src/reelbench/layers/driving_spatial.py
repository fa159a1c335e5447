"""Deformable attention to the cameras that see a cell of a bird's-eye-view map."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.deformable import deformable_attention, star

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class SpatialCrossAttention(nnx.Module):
    """Cells of a bird's-eye-view map attend to the cameras that see them.

    A cell stands for a pillar of points at several heights. Around the image of each point its
    query samples the camera's feature maps; the mean over the cameras is projected and added to
    the query. Positions, weights and sums are at least float32, as in the source.

    Li et al., "BEVFormer", 2022, arXiv:2203.17270; fundamentalvision/BEVFormer
    ``projects/mmdet3d_plugin/bevformer/modules/spatial_cross_attention.py``,
    ``SpatialCrossAttention`` with ``MSDeformableAttention3D``, without its dropout.

    Args:
        in_features: Width of queries, feature maps and output.
        num_heads: Attention heads.
        num_points: Samples a query, head and level: a multiple of the number of heights.
        levels: Height and width of each feature map of a camera.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        num_points: int,
        levels: tuple[tuple[int, int], ...],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads = num_heads
        self.num_points = num_points
        self.levels = levels
        linear = partial(nnx.Linear, in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        zeros = nnx.initializers.zeros_init()
        xavier = nnx.initializers.xavier_uniform()
        samples = num_heads * len(levels) * num_points
        around = star(num_heads, len(levels), num_points)
        self.sampling_offsets = linear(2 * samples, kernel_init=zeros, bias_init=around)
        self.attention_weights = linear(samples, kernel_init=zeros)
        self.value_projection = linear(in_features, kernel_init=xavier)
        self.out = linear(in_features, kernel_init=xavier)

    def __call__(
        self,
        query: Float[Array, "batch queries features"],
        value: Float[Array, "batch cameras tokens features"],
        reference_points: Float[Array, "batch cameras visible heights 2"],
        query_index: Int[Array, "batch cameras visible"],
    ) -> Float[Array, "batch queries features"]:
        """Update the queries from the cameras' feature maps.

        Args:
            query: Cells of the map, in raster order.
            value: Feature maps of each camera in raster order, one level after another.
            reference_points: For each query that a camera sees, where its pillar's points appear:
                (x, y) as shares of the image's width and height.
            query_index: Which queries each camera sees. An index of ``queries`` or more marks a
                padded slot, which is computed like any other and dropped. An index that stands
                twice for one camera counts twice: the amount of work is the same.
        """
        batch, cameras, visible, heights, _ = reference_points.shape
        wide = jnp.promote_types(query.dtype, jnp.float32)
        samples = (self.num_heads, len(self.levels), self.num_points)

        seen = jax.vmap(take_or_zero)(query, query_index).reshape(-1, visible, query.shape[-1])
        offsets = self.sampling_offsets(seen).astype(wide)
        offsets = offsets.reshape(*seen.shape[:2], *samples[:2], -1, heights, 2)
        pixels = jnp.asarray([(width, height) for height, width in self.levels], wide)
        points = reference_points.reshape(-1, visible, 1, 1, 1, heights, 2)
        locations = points + offsets / pixels[:, None, None]
        weights = self.attention_weights(seen).astype(wide)
        weights = jax.nn.softmax(weights.reshape(*seen.shape[:2], self.num_heads, -1))

        maps = self.value_projection(value)
        attended = deformable_attention(
            maps.reshape(batch * cameras, -1, self.num_heads, maps.shape[-1] // self.num_heads),
            self.levels,
            locations.reshape(*seen.shape[:2], *samples, 2),
            weights.reshape(*seen.shape[:2], *samples),
        )
        attended = attended.reshape(batch, cameras, visible, -1)
        mean = jax.vmap(mean_by_index, in_axes=(0, 0, None))(attended, query_index, query.shape[1])
        return query + self.out(mean.astype(query.dtype))


def take_or_zero(
    query: Float[Array, "queries features"], index: Int[Array, "cameras visible"]
) -> Float[Array, "cameras visible features"]:
    """The queries that stand at each index; zero where an index is beyond them."""
    return query.at[index].get(mode="fill", fill_value=0)


def mean_by_index(
    attended: Float[Array, "cameras visible features"],
    index: Int[Array, "cameras visible"],
    queries: int,
) -> Float[Array, "queries features"]:
    """Average what stands under each index below ``queries``; zero where nothing does."""
    total = jnp.zeros((queries, attended.shape[-1]), attended.dtype)
    total = total.at[index].add(attended, mode="drop")
    count = jnp.zeros((queries, 1), attended.dtype).at[index].add(1, mode="drop")
    return total / jnp.maximum(count, 1)
