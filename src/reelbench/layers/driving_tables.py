"""What stands before and behind BEVFormer's transformer: learned queries, embeddings, branches."""

from __future__ import annotations

from functools import partial
from math import log
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype, Initializer

if TYPE_CHECKING:
    from jaxtyping import Array, Float


class PlanePosition(nnx.Module):
    """A learned position of each cell of a plane: half its channels by column, half by row.

    mmdet ``models/utils/positional_encoding.py``, ``LearnedPositionalEncoding``.

    Args:
        features: Channels of a cell.
        plane: Height and width of the plane.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        plane: tuple[int, int],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.dtype = dtype or param_dtype
        rows_of = partial(table, nnx.initializers.uniform(1.0), features // 2, param_dtype, rngs)
        self.rows, self.columns = (rows_of(length) for length in plane)

    def __call__(self) -> Float[Array, "cells features"]:
        """Positions of the cells, in raster order."""
        rows, columns = self.rows[...].astype(self.dtype), self.columns[...].astype(self.dtype)
        shape = (len(rows), len(columns), rows.shape[-1])
        by_column = jnp.broadcast_to(columns, shape)
        by_row = jnp.broadcast_to(rows[:, None], shape)
        return jnp.concatenate([by_column, by_row], axis=-1).reshape(-1, 2 * shape[-1])


class BEVFormerQueries(nnx.Module):
    """The learned queries of the map and of the objects.

    The vehicle's own motion is added to each of the map's queries. Where an object is looked for
    first follows from its position embedding.

    Li et al., "BEVFormer", 2022, arXiv:2203.17270; fundamentalvision/BEVFormer
    ``projects/mmdet3d_plugin/bevformer/dense_heads/bevformer_head.py`` and
    ``modules/transformer.py``, ``PerceptionTransformer``.

    Args:
        features: Width of a query.
        map_size: Height and width of the map.
        num_queries: Objects looked for.
        signals: Numbers that say how the vehicle moved.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        map_size: tuple[int, int],
        num_queries: int,
        signals: int = 18,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        xavier = nnx.initializers.xavier_uniform()
        linear = partial(
            nnx.Linear, kernel_init=xavier, dtype=dtype, param_dtype=param_dtype, rngs=rngs
        )
        rows_of = partial(table, nnx.initializers.normal(1.0), features, param_dtype, rngs)
        self.dtype = dtype or param_dtype
        self.cells = rows_of(map_size[0] * map_size[1])
        self.cell_position = PlanePosition(features, map_size, **each)
        self.motion1 = linear(signals, features // 2)
        self.motion2 = linear(features // 2, features)
        self.motion_norm = nnx.LayerNorm(features, epsilon=1e-5, **each)
        self.objects, self.object_position = rows_of(num_queries), rows_of(num_queries)
        self.place = linear(features, 3)

    def __call__(
        self, motion: Float[Array, "batch signals"]
    ) -> tuple[
        Float[Array, "batch cells features"],
        Float[Array, "cells features"],
        Float[Array, "objects features"],
        Float[Array, "objects features"],
        Float[Array, "objects 3"],
    ]:
        """Queries of the map and their positions; of the objects, their positions and places.

        A place is (x, y, z) as shares of the space that is looked at.
        """
        moved = jax.nn.relu(self.motion2(jax.nn.relu(self.motion1(motion))))
        cells = self.cells[...].astype(self.dtype) + self.motion_norm(moved)[:, None]
        position = self.object_position[...].astype(self.dtype)
        place = jax.nn.sigmoid(self.place(position))
        return cells, self.cell_position(), self.objects[...].astype(self.dtype), position, place


class CameraEmbedding(nnx.Module):
    """Adds to each feature which camera and which level it comes from.

    Li et al., "BEVFormer", 2022, arXiv:2203.17270; fundamentalvision/BEVFormer
    ``projects/mmdet3d_plugin/bevformer/modules/transformer.py``, ``PerceptionTransformer``.

    Args:
        features: Channels of a feature.
        cameras: Number of cameras.
        levels: Height and width of each feature map of a camera.
        rows: Rows of the table of levels; the source has four even where it uses one.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        features: int,
        *,
        cameras: int,
        levels: tuple[tuple[int, int], ...],
        rows: int = 4,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.dtype = dtype or param_dtype
        self.sizes = tuple(height * width for height, width in levels)
        rows_of = partial(table, nnx.initializers.normal(1.0), features, param_dtype, rngs)
        self.cameras, self.levels = rows_of(cameras), rows_of(rows)

    def __call__(
        self, value: Float[Array, "batch cameras tokens features"]
    ) -> Float[Array, "batch cameras tokens features"]:
        """Embed features in raster order, one level after another."""
        levels = self.levels[: len(self.sizes)].astype(self.dtype)
        of_token = jnp.repeat(
            levels, jnp.asarray(self.sizes), axis=0, total_repeat_length=value.shape[-2]
        )
        return value + self.cameras[...].astype(self.dtype)[:, None] + of_token


class DetectionBranches(nnx.Module):
    """What each object is and where: three linear maps for the classes, three for the box.

    Li et al., "BEVFormer", 2022, arXiv:2203.17270; fundamentalvision/BEVFormer
    ``projects/mmdet3d_plugin/bevformer/dense_heads/bevformer_head.py``, ``BEVFormerHead``.

    Args:
        in_features: Width of a query.
        num_classes: Classes of objects.
        code_size: Numbers that describe a box.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        *,
        num_classes: int = 10,
        code_size: int = 10,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        linear = partial(nnx.Linear, in_features, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        norm = partial(nnx.LayerNorm, in_features, epsilon=1e-5, **each)
        # One object in a hundred is a first guess.
        rare = nnx.initializers.constant(-log(99))
        self.class1, self.class_norm1 = linear(in_features), norm()
        self.class2, self.class_norm2 = linear(in_features), norm()
        self.class3 = linear(num_classes, bias_init=rare)
        self.box1, self.box2 = linear(in_features), linear(in_features)
        self.box3 = linear(code_size)

    def __call__(
        self, query: Float[Array, "batch queries features"]
    ) -> tuple[Float[Array, "batch queries classes"], Float[Array, "batch queries code"]]:
        """Logits of the classes, and the box relative to where the object was looked for."""
        kind = jax.nn.relu(self.class_norm1(self.class1(query)))
        kind = jax.nn.relu(self.class_norm2(self.class2(kind)))
        box = jax.nn.relu(self.box2(jax.nn.relu(self.box1(query))))
        return self.class3(kind), self.box3(box)


def table(
    init: Initializer, features: int, dtype: Dtype, rngs: nnx.Rngs, rows: int
) -> nnx.Param[Array]:
    """A learned table."""
    return nnx.Param(init(rngs.params(), (rows, features), dtype))
