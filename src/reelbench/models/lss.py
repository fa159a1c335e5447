"""Lift-Splat-Shoot: the images of a rig of cameras to a segmented map of the ground."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.liftsplat import (
    BasicBlock2D,
    DepthLift,
    GroundHead,
    GroundStem,
    Splat,
    UpBlock,
)
from reelbench.models.efficientnet import EfficientNetTrunk, Stages

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class LiftSplatShoot(nnx.Module):
    """Lift-Splat-Shoot as a segmenter; the planner that shoots trajectories is not part of it.

    Which cell each point falls into follows from the cameras' calibration alone, so it is an input
    (`reelbench.layers.frustum` computes it). Without the trunk's stochastic depth.

    Philion and Fidler, "Lift, Splat, Shoot", 2020, arXiv:2008.05711; nv-tlabs/lift-splat-shoot
    ``src/models.py``, ``LiftSplatShoot``.

    Args:
        stages: Stages of the trunk, see `EfficientNetTrunk`.
        join: The finer and the coarser of the trunk's stages that are joined, counted from one.
        camera_width: Channels of the joined camera features.
        depths: Depths that a pixel is lifted to.
        features: Features of a point.
        grid: Cells of the map along x and y.
        ground_layers: For each pair of residual blocks on the map its channels and stride.
        ground_width: Channels of the joined map.
        out_features: Outputs of a cell.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        stages: Stages,
        join: tuple[int, int] = (5, 7),
        camera_width: int = 512,
        depths: int = 41,
        features: int = 64,
        grid: tuple[int, int] = (200, 200),
        ground_layers: tuple[tuple[int, int], ...] = ((64, 1), (128, 2), (256, 2)),
        ground_width: int = 256,
        out_features: int = 1,
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.join = join
        fine, coarse = (stages[stage - 1][-1] for stage in join)
        self.trunk = EfficientNetTrunk(stages, **made)
        self.camera_up = UpBlock((coarse, fine), camera_width, 2, **made)
        self.lift = DepthLift(camera_width, depths, features, **made)
        self.splat = Splat(grid)
        self.stem = GroundStem(features, features, **made)
        layers: list[nnx.List[BasicBlock2D]] = []
        widths = (features, *(width for width, _ in ground_layers))
        factor = 1
        for (before, width), (_, stride) in zip(pairwise(widths), ground_layers, strict=True):
            first = BasicBlock2D(before, width, strides=(stride, stride), **made)
            layers.append(nnx.List([first, BasicBlock2D(width, width, **made)]))
            factor *= stride
        self.layers = nnx.List(layers)
        self.ground_up = UpBlock((widths[-1], widths[1]), ground_width, factor, **made)
        self.head = GroundHead(ground_width, ground_width // 2, out_features, **made)

    def __call__(
        self,
        images: Float[Array, "batch cameras h w 3"],
        cell: Int[Array, "batch cameras depths h2 w2"],
    ) -> Float[Array, "batch x y out_features"]:
        """Segment the ground.

        Args:
            images: One image of each camera.
            cell: The cell that each point falls into; one that is not on the map drops it.
        """
        stages = self.trunk(images)
        fine, coarse = (stages[stage - 1] for stage in self.join)
        x = self.stem(self.splat(self.lift(self.camera_up(coarse, fine)), cell))
        found = []
        for layer in self.layers:
            for block in layer:
                x = block(x)
            found.append(x)
        return self.head(self.ground_up(found[-1], found[0]))
