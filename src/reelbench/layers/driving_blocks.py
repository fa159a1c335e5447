"""Transformer layers of BEVFormer: of the map's encoder and of the object decoder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.driving_attention import DeformableCrossAttention, TemporalSelfAttention
from reelbench.layers.driving_spatial import SpatialCrossAttention
from reelbench.layers.multihead import attend

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class FeedForward(nnx.Module):
    """Linear, ReLU, linear, added to the input; mmcv ``cnn/bricks/transformer.py``, ``FFN``.

    Args:
        in_features: Channels of input and output.
        mlp_dim: Channels between the two linear maps.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        mlp_dim: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        linear = partial(nnx.Linear, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.fc1 = linear(in_features, mlp_dim)
        self.fc2 = linear(mlp_dim, in_features)

    def __call__(self, x: Float[Array, "batch n features"]) -> Float[Array, "batch n features"]:
        """Update each position by itself."""
        return x + self.fc2(jax.nn.relu(self.fc1(x)))


class BEVFormerLayer(nnx.Module):
    """Temporal self-attention, spatial cross-attention and feed-forward, each then normalised.

    Li et al., "BEVFormer", 2022, arXiv:2203.17270; fundamentalvision/BEVFormer
    ``projects/mmdet3d_plugin/bevformer/modules/encoder.py``, ``BEVFormerLayer``, without dropout.

    Args:
        in_features: Width of queries, feature maps and output.
        num_heads: Heads of both attentions.
        temporal_points: Samples a query, head and map of the queue.
        spatial_points: Samples a query, head and level of a camera.
        map_size: Height and width of the bird's-eye-view map.
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
        temporal_points: int,
        spatial_points: int,
        map_size: tuple[int, int],
        levels: tuple[tuple[int, int], ...],
        mlp_dim: int,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        norm = partial(nnx.LayerNorm, in_features, epsilon=1e-5, **each)
        self.temporal = TemporalSelfAttention(
            in_features, num_heads, temporal_points, map_size, **each
        )
        self.temporal_norm = norm()
        self.spatial = SpatialCrossAttention(in_features, num_heads, spatial_points, levels, **each)
        self.spatial_norm = norm()
        self.mlp = FeedForward(in_features, mlp_dim, **each)
        self.mlp_norm = norm()

    def __call__(
        self,
        query: Float[Array, "batch queries features"],
        maps: Float[Array, "batch 2 queries features"],
        query_position: Float[Array, "queries features"],
        shift: Float[Array, "batch 2"],
        value: Float[Array, "batch cameras tokens features"],
        reference_points: Float[Array, "batch cameras visible heights 2"],
        query_index: Int[Array, "batch cameras visible"],
    ) -> Float[Array, "batch queries features"]:
        """Update the map; see the two attentions for the arguments."""
        query = self.temporal_norm(self.temporal(query, maps, query_position, shift))
        query = self.spatial_norm(self.spatial(query, value, reference_points, query_index))
        return self.mlp_norm(self.mlp(query))


class DetectionDecoderLayer(nnx.Module):
    """Objects attend to each other and sample the map around where they are thought to be.

    Li et al., "BEVFormer", 2022, arXiv:2203.17270; mmdet ``models/utils/transformer.py``,
    ``DetrTransformerDecoderLayer`` as configured in fundamentalvision/BEVFormer
    ``projects/configs/bevformer/bevformer_base.py``, without dropout.

    Args:
        in_features: Width of queries, map and output.
        num_heads: Heads of both attentions.
        num_points: Samples a query and head.
        map_size: Height and width of the map.
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
        num_points: int,
        map_size: tuple[int, int],
        mlp_dim: int,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        norm = partial(nnx.LayerNorm, in_features, epsilon=1e-5, **each)
        self.num_heads = num_heads
        self.query_key = nnx.Linear(in_features, 2 * in_features, **each)
        self.value = nnx.Linear(in_features, in_features, **each)
        self.out = nnx.Linear(in_features, in_features, **each)
        self.self_norm = norm()
        self.cross = DeformableCrossAttention(in_features, num_heads, num_points, map_size, **each)
        self.cross_norm = norm()
        self.mlp = FeedForward(in_features, mlp_dim, **each)
        self.mlp_norm = norm()

    def __call__(
        self,
        query: Float[Array, "batch queries features"],
        value: Float[Array, "batch tokens features"],
        query_position: Float[Array, "queries features"],
        reference_points: Float[Array, "batch queries 2"],
    ) -> Float[Array, "batch queries features"]:
        """Update the objects from the map.

        Args:
            query: The objects.
            value: The bird's-eye-view map, in raster order.
            query_position: Added to queries and keys, not to values.
            reference_points: Where each object is thought to be: (x, y) as shares of the map's
                width and height.
        """
        heads = (*query.shape[:2], self.num_heads, -1)
        placed = self.query_key(query + query_position.astype(query.dtype))
        asked, keys = (half.reshape(heads) for half in jnp.split(placed, 2, axis=-1))
        found = attend(asked, keys, self.value(query).reshape(heads))
        query = self.self_norm(query + self.out(found.reshape(query.shape)))
        query = self.cross_norm(self.cross(query, value, query_position, reference_points))
        return self.mlp_norm(self.mlp(query))
