"""Deformable attention in driving models: to maps of the past, and to one map."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.deformable import deformable_attention, star

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class TemporalSelfAttention(nnx.Module):
    """Cells of a bird's-eye-view map attend to maps of the past and the present.

    What a query samples from each map is decided by the query and by the cell's past. The mean
    over the maps is projected and added to the query.

    Li et al., "BEVFormer", 2022, arXiv:2203.17270; fundamentalvision/BEVFormer
    ``projects/mmdet3d_plugin/bevformer/modules/temporal_self_attention.py``,
    ``TemporalSelfAttention``, without its dropout.

    Args:
        in_features: Width of queries, maps and output.
        num_heads: Attention heads.
        num_points: Samples a query, head and map.
        map_size: Height and width of the map.
        queue: Number of maps, the oldest first.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        num_points: int,
        map_size: tuple[int, int],
        *,
        queue: int = 2,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads = num_heads
        self.num_points = num_points
        self.map_size = map_size
        self.queue = queue
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        zeros = nnx.initializers.zeros_init()
        xavier = nnx.initializers.xavier_uniform()
        samples = num_heads * queue * num_points
        around = star(num_heads, queue, num_points)
        self.sampling_offsets = linear(
            2 * in_features, 2 * samples, kernel_init=zeros, bias_init=around
        )
        self.attention_weights = linear(2 * in_features, samples, kernel_init=zeros)
        self.value_projection = linear(in_features, in_features, kernel_init=xavier)
        self.out = linear(in_features, in_features, kernel_init=xavier)

    def __call__(
        self,
        query: Float[Array, "batch queries features"],
        maps: Float[Array, "batch queue queries features"],
        query_position: Float[Array, "queries features"],
        shift: Float[Array, "batch 2"] | None = None,
    ) -> Float[Array, "batch queries features"]:
        """Update the queries from the maps.

        Args:
            query: Cells of the map, in raster order.
            maps: What the cells were before and are now, the oldest first.
            query_position: Added to the queries where they decide what to sample.
            shift: Where today's cells lie on the oldest map, (x, y) as a share of its width and
                height; the vehicle has moved.
        """
        batch, queries, _ = query.shape
        wide = jnp.promote_types(query.dtype, jnp.float32)
        samples = (batch, queries, self.num_heads, self.queue, 1, self.num_points)
        both = jnp.concatenate([maps[:, 0], query + query_position.astype(query.dtype)], axis=-1)

        offsets = self.sampling_offsets(both).astype(wide).reshape(*samples, 2)
        weights = jax.nn.softmax(self.attention_weights(both).astype(wide).reshape(samples))
        points = jnp.broadcast_to(cell_centres(self.map_size, wide), (batch, queries, 2))
        points = jnp.stack([points] * self.queue, axis=2)
        if shift is not None:
            points = points.at[:, :, 0].add(shift[:, None].astype(wide))
        height, width = self.map_size
        locations = points[:, :, None, :, None, None] + offsets / jnp.asarray([width, height], wide)

        values = self.value_projection(maps)
        attended = deformable_attention(
            values.reshape(batch * self.queue, queries, self.num_heads, -1),
            (self.map_size,),
            _queue_to_batch(locations),
            _queue_to_batch(weights),
        )
        mean = jnp.mean(attended.reshape(batch, self.queue, queries, -1), axis=1)
        return query + self.out(mean.astype(query.dtype))


class DeformableCrossAttention(nnx.Module):
    """Queries sample a map around their reference points.

    Zhu et al., "Deformable DETR", 2020, arXiv:2010.04159; fundamentalvision/BEVFormer
    ``projects/mmdet3d_plugin/bevformer/modules/decoder.py``, ``CustomMSDeformableAttention`` with
    one level, without its dropout.

    Args:
        in_features: Width of queries, map and output.
        num_heads: Attention heads.
        num_points: Samples a query and head.
        map_size: Height and width of the map.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        num_heads: int,
        num_points: int,
        map_size: tuple[int, int],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.num_heads = num_heads
        self.num_points = num_points
        self.map_size = map_size
        linear = partial(nnx.Linear, in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        zeros = nnx.initializers.zeros_init()
        xavier = nnx.initializers.xavier_uniform()
        samples = num_heads * num_points
        around = star(num_heads, 1, num_points)
        self.sampling_offsets = linear(2 * samples, kernel_init=zeros, bias_init=around)
        self.attention_weights = linear(samples, kernel_init=zeros)
        self.value_projection = linear(in_features, kernel_init=xavier)
        self.out = linear(in_features, kernel_init=xavier)

    def __call__(
        self,
        query: Float[Array, "batch queries features"],
        value: Float[Array, "batch tokens features"],
        query_position: Float[Array, "queries features"],
        reference_points: Float[Array, "batch queries 2"],
    ) -> Float[Array, "batch queries features"]:
        """Update the queries from the map.

        Args:
            query: What is looked for.
            value: The map, in raster order.
            query_position: Added to the queries where they decide what to sample.
            reference_points: (x, y) as shares of the map's width and height.
        """
        wide = jnp.promote_types(query.dtype, jnp.float32)
        samples = (*query.shape[:2], self.num_heads, 1, self.num_points)
        placed = query + query_position.astype(query.dtype)
        offsets = self.sampling_offsets(placed).astype(wide).reshape(*samples, 2)
        weights = jax.nn.softmax(self.attention_weights(placed).astype(wide).reshape(samples))
        height, width = self.map_size
        points = reference_points.astype(wide)[:, :, None, None, None]
        values = self.value_projection(value)
        attended = deformable_attention(
            values.reshape(*values.shape[:2], self.num_heads, -1),
            (self.map_size,),
            points + offsets / jnp.asarray([width, height], wide),
            weights,
        )
        return query + self.out(attended.reshape(query.shape).astype(query.dtype))


def cell_centres(map_size: tuple[int, int], dtype: Dtype) -> Float[Array, "cells 2"]:
    """(x, y) of each cell of a map in raster order, as shares of its width and height."""
    height, width = map_size
    y, x = jnp.meshgrid(
        (jnp.arange(height, dtype=dtype) + 0.5) / height,
        (jnp.arange(width, dtype=dtype) + 0.5) / width,
        indexing="ij",
    )
    return jnp.stack([x.ravel(), y.ravel()], axis=-1)


def _queue_to_batch(
    x: Float[Array, "batch queries heads queue 1 *rest"],
) -> Float[Array, "batch*queue queries heads 1 *rest"]:
    moved = jnp.moveaxis(x, 3, 1)
    return moved.reshape(-1, *moved.shape[2:])
