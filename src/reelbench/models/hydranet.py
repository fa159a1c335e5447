"""A driving stack: the video of many cameras to what stands on the ground around the vehicle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.bifpn import BiFPNLayer, CoarserLevels
from reelbench.layers.hydranet import (
    CameraTokens,
    DetectionHead,
    FeatureQueue,
    MultiCameraAttention,
    OccupancyHead,
    RasterQueries,
    Rectify,
    VideoConvolution,
    VideoStem,
    VideoTransformer,
)
from reelbench.models.regnet import RegNetTrunk

if TYPE_CHECKING:
    from jaxtyping import Array, Float

    Outputs = tuple[
        Float[Array, "batch rows4 columns4 heights classes"],
        Float[Array, "batch rows columns objects"],
        Float[Array, "batch rows columns box_features"],
    ]

LEVELS = 5


class HydraNet(nnx.Module):
    """A stack in the order that Tesla told of at its AI Day in 2021; every size is assumed.

    Rectification, RegNet and BiFPN for each camera, a transformer that asks all cameras from the
    cells of a raster of the ground, a queue of features in time and one in space, a video module
    over both, and heads on its newest entry. The exact sizes of Tesla's networks are not
    published, and much of what the parts compute is not either: nothing here says what Tesla's
    networks really cost.

    Args:
        depths: Blocks of each of RegNet's four stages.
        widths: Channels of each stage.
        group_widths: Channels of a group, for each stage.
        pyramid_features: Channels of the BiFPN, over three stages and two coarser levels.
        pyramid_rounds: Rounds of BiFPN.
        cameras: Cameras.
        raster: Rows and columns of the raster.
        features: Channels of the raster and of the video module.
        num_heads: Attention heads.
        mlp_dim: Hidden channels of the transformers' MLPs.
        fusion_depth: Blocks that ask the cameras.
        position_features: Channels of the positions in the queues.
        motion_features: Numbers that describe the vehicle's motion.
        time_entries: Entries of the queue in time.
        space_entries: Entries of the queue in space.
        video: Which video module.
        video_depth: Blocks of the video module.
        occupancy: Heights and classes of the occupied voxels.
        objects: Classes and box numbers of objects.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        depths: tuple[int, ...],
        widths: tuple[int, ...],
        group_widths: tuple[int, ...],
        pyramid_features: int,
        pyramid_rounds: int,
        cameras: int,
        raster: tuple[int, int],
        features: int,
        num_heads: int,
        mlp_dim: int,
        fusion_depth: int,
        position_features: int,
        motion_features: int,
        time_entries: int,
        space_entries: int,
        video: Literal["convolution", "transformer"],
        video_depth: int,
        occupancy: tuple[int, int],
        objects: tuple[int, int],
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        made: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.raster, self.time_entries, self.space_entries = raster, time_entries, space_entries
        self.rectify = Rectify(dtype=dtype)
        self.trunk = RegNetTrunk(depths, widths, group_widths, **made)
        seen = widths[1:]
        new = LEVELS - len(seen)
        self.coarser = CoarserLevels(seen[-1], pyramid_features, new, **made)
        entering = [(*seen, *[pyramid_features] * new)]
        entering += [(pyramid_features,) * LEVELS] * (pyramid_rounds - 1)
        self.rounds = nnx.List(BiFPNLayer(each, pyramid_features, **made) for each in entering)
        self.tokens = CameraTokens(pyramid_features, features, cameras, LEVELS - 1, **made)
        self.queries = RasterQueries(features, features, raster, **made)
        self.fusion = nnx.List(
            MultiCameraAttention(features, num_heads, mlp_dim, **made) for _ in range(fusion_depth)
        )
        self.queue = FeatureQueue(position_features)
        self.width = features + position_features + motion_features
        entries = space_entries + time_entries
        self.video_stem = VideoStem(self.width, features, entries, **made)
        self.video: nnx.List[nnx.Module] = nnx.List(
            VideoConvolution(features, **made)
            if video == "convolution"
            else VideoTransformer(features, num_heads, mlp_dim, **made)
            for _ in range(video_depth)
        )
        self.occupancy = OccupancyHead(features, *occupancy, **made)
        self.objects = DetectionHead(features, *objects, **made)

    def __call__(
        self,
        images: Float[Array, "batch frames cameras h w 3"],
        map: Float[Array, "batch cameras h2 w2 2"],  # noqa: A002
        motion: Float[Array, "batch frames motion"],
        moved: Float[Array, "batch frames 2"],
    ) -> Outputs:
        """What stands around the vehicle at the last frame, from a drive that starts at the first.

        Args:
            images: What the cameras took.
            map: Where each rectified pixel comes from, as shares of the image's width and height.
            motion: Velocities, accelerations and the like of the vehicle.
            moved: Seconds and metres since the frame before.

        Returns:
            Logits of the voxels, logits of the objects and their boxes.
        """
        state = self.start(len(images), images.dtype)
        rasters = self.see(images, map)
        for frame in range(images.shape[1]):
            state = self.queue(*state, rasters[:, frame], motion[:, frame], moved[:, frame])
        return self.tell(*state[:2])

    def start(self, batch: int, dtype: Dtype) -> tuple[Array, Array, Array]:
        """The queues at the start of a drive."""
        shape = (*self.raster, self.width)
        return (
            jnp.zeros((batch, self.time_entries, *shape), dtype),
            jnp.zeros((batch, self.space_entries, *shape), dtype),
            jnp.full((batch, 2), jnp.inf, jnp.promote_types(dtype, jnp.float32)),
        )

    def see(
        self,
        images: Float[Array, "batch frames cameras h w 3"],
        map: Float[Array, "batch cameras h2 w2 2"],  # noqa: A002
    ) -> Float[Array, "batch frames rows columns features"]:
        """The raster of each frame by itself."""
        batch, frames, cameras = images.shape[:3]
        rectified = self.rectify(images, map)
        stages = self.trunk(rectified.reshape(batch, frames * cameras, *rectified.shape[3:]))
        levels = tuple(stages[1:])
        levels += self.coarser(levels[-1])
        for layer in self.rounds:
            levels = layer(*levels)
        # The finest level has too many pixels to attend to; it lives on in the coarser ones.
        tokens = self.tokens(
            *(each.reshape(batch, frames, cameras, *each.shape[2:]) for each in levels[1:])
        )
        cells = self.queries(jnp.mean(tokens, axis=2))
        for block in self.fusion:
            cells = block(cells, tokens)
        return cells.reshape(batch, frames, *self.raster, -1)

    def tell(
        self,
        time_queue: Float[Array, "batch time_entries rows columns width"],
        space_queue: Float[Array, "batch space_entries rows columns width"],
    ) -> Outputs:
        """What stands around the vehicle, from the queues."""
        x = self.video_stem(jnp.concatenate((space_queue, time_queue), axis=1))
        for block in self.video:
            x = block(x)
        newest = x[:, -1]
        return self.occupancy(newest), *self.objects(newest)
