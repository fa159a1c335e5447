"""Lift, splat, shoot: images are lifted to points by a guess of depth and summed on the ground."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.convnorm import ConvNorm, upsample_bilinear
from reelbench.layers.liftsplat_ground import BasicBlock2D, GroundHead, GroundStem

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int

__all__ = ["BasicBlock2D", "DepthLift", "GroundHead", "GroundStem", "Splat", "UpBlock"]


class UpBlock(nnx.Module):
    """Enlarges feature maps, puts them behind finer ones and convolves both twice.

    Philion and Fidler, "Lift, Splat, Shoot", 2020, arXiv:2008.05711; nv-tlabs/lift-splat-shoot
    ``src/models.py``, ``Up``.

    Args:
        in_features: Channels of the coarse and of the fine input.
        out_features: Channels of the output.
        factor: How many times finer the fine input is.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: tuple[int, int],
        out_features: int,
        factor: int = 2,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        conv = partial(ConvNorm, dtype=dtype, param_dtype=param_dtype, rngs=rngs)
        self.factor = factor
        self.conv1 = conv(sum(in_features), out_features)
        self.conv2 = conv(out_features, out_features)

    def __call__(
        self,
        coarse: Float[Array, "*leading h w coarse_features"],
        fine: Float[Array, "*leading h2 w2 fine_features"],
    ) -> Float[Array, "*leading h2 w2 out_features"]:
        """Join the two maps."""
        enlarged = upsample_bilinear(coarse, self.factor)
        return self.conv2(self.conv1(jnp.concatenate((fine, enlarged), axis=-1)))


class DepthLift(nnx.Module):
    """Lifts each pixel to points at all depths: its features, weighted by how likely each depth is.

    One 1×1 convolution gives a pixel's logits over the depths and its features; the points are the
    outer product of the logits' softmax with the features.

    Philion and Fidler, "Lift, Splat, Shoot", 2020, arXiv:2008.05711, section 3.1;
    nv-tlabs/lift-splat-shoot ``src/models.py``, ``CamEncode.depthnet``.

    Args:
        in_features: Channels of the input.
        depths: Number of depths.
        features: Features of a point.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        in_features: int,
        depths: int,
        features: int,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        self.depths = depths
        self.conv = nnx.Conv(
            in_features,
            depths + features,
            (1, 1),
            dtype=dtype,
            param_dtype=param_dtype,
            rngs=rngs,
        )

    def __call__(
        self, x: Float[Array, "batch cameras h w in_features"]
    ) -> Float[Array, "batch cameras depths h w features"]:
        """The points of every pixel."""
        y = self.conv(x)
        logits, context = y[..., : self.depths], y[..., self.depths :]
        wide = jnp.promote_types(y.dtype, jnp.float32)
        share = jax.nn.softmax(logits.astype(wide)).astype(y.dtype)
        return jnp.moveaxis(share, -1, -3)[..., None] * context[..., None, :, :, :]


class Splat(nnx.Module):
    """Sums the points that fall into each cell of a map of the ground.

    Sums are at least float32 whatever the dtype. The source sorts the points and takes differences
    of a running sum; the result is the same.

    Philion and Fidler, "Lift, Splat, Shoot", 2020, arXiv:2008.05711, section 3.2;
    nv-tlabs/lift-splat-shoot ``src/models.py``, ``LiftSplatShoot.voxel_pooling``.

    Args:
        grid: Cells of the map along x (ahead) and y (left).
        dtype: Accepted as by every layer, and not used.
        param_dtype: Accepted as by every layer, and not used.
        rngs: Accepted as by every layer, and not used.
    """

    def __init__(
        self,
        grid: tuple[int, int],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs | None = None,
    ) -> None:
        del dtype, param_dtype, rngs
        self.grid = grid

    def __call__(
        self,
        points: Float[Array, "batch cameras depths h w features"],
        cell: Int[Array, "batch cameras depths h w"],
    ) -> Float[Array, "batch x y features"]:
        """Sum the points.

        Args:
            points: Features of each point.
            cell: The cell that each point falls into, counted along y first. A point whose cell is
                negative or not on the grid is dropped.
        """
        cells, features = self.grid[0] * self.grid[1], points.shape[-1]
        wide = jnp.promote_types(points.dtype, jnp.float32)
        total = jax.vmap(partial(jax.ops.segment_sum, num_segments=cells))(
            points.reshape(len(points), -1, features).astype(wide), cell.reshape(len(cell), -1)
        )
        return total.astype(points.dtype).reshape(len(points), *self.grid, features)
