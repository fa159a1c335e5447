"""TPVFormer, assembled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.backbone import Style
from reelbench.layers.occupancy import TPVAggregator, TPVEmbedding, TPVFormerLayer
from reelbench.models.camera_backbone import CameraBackbone, tokens_of

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class TPVFormer(nnx.Module):
    """The class of every voxel, from three planes that are filled from the cameras.

    Huang et al., "Tri-Perspective View for Vision-Based 3D Semantic Occupancy Prediction", 2023,
    arXiv:2302.07817; wzzheng/TPVFormer ``tpvformer04``. Without dropout and without the masks that
    augment the images.

    Args:
        depths: Blocks of each stage of the residual network.
        style: Which convolution of its blocks strides.
        deformable: Which of its stages have deformable convolutions.
        first: The first stage, counted from 0, that the pyramid takes.
        levels: Height and width of each output of the pyramid.
        grid: Cells along height, width and the vertical of the volume.
        features: Width of the transformer.
        num_heads: Attention heads.
        hybrid_points: Samples a cell, head and copy in the hybrid attention.
        num_points: Samples a cell, head and level in the images, for each plane.
        num_anchors: Reference points of a cell, for each plane.
        mlp_dim: Width inside the feed-forward parts and the aggregator.
        layers: Layers that update the planes.
        num_classes: Classes of a voxel.
        cameras: Number of cameras.
        width: Channels of the residual network's stem.
        dtype: Dtype of the computation.
        param_dtype: Dtype of the stored parameters.
        rngs: Source of the initial weights.
    """

    def __init__(
        self,
        *,
        depths: Sequence[int],
        style: Style,
        deformable: Sequence[bool] = (False,) * 4,
        first: int,
        levels: tuple[tuple[int, int], ...],
        grid: tuple[int, int, int],
        features: int,
        num_heads: int,
        hybrid_points: int,
        num_points: tuple[int, int, int],
        num_anchors: tuple[int, int, int],
        mlp_dim: int,
        layers: int,
        num_classes: int,
        cameras: int = 6,
        width: int = 64,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        each: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.backbone = CameraBackbone(
            depths=depths,
            style=style,
            deformable=deformable,
            first=first,
            num_outs=len(levels),
            features=features,
            width=width,
            **each,
        )
        self.embedding = TPVEmbedding(features, grid=grid, cameras=cameras, levels=levels, **each)
        encoder = [
            TPVFormerLayer(
                features,
                num_heads,
                hybrid_points=hybrid_points,
                num_points=num_points,
                num_anchors=num_anchors,
                grid=grid,
                levels=levels,
                mlp_dim=mlp_dim,
                **each,
            )
            for _ in range(layers)
        ]
        self.encoder = nnx.List(encoder)
        self.aggregator = TPVAggregator(
            features,
            hidden_features=mlp_dim,
            out_features=features,
            num_classes=num_classes,
            grid=grid,
            **each,
        )

    def __call__(
        self,
        images: Float[Array, "batch cameras h w 3"],
        points_hw: Float[Array, "batch cameras visible_hw anchors_hw 2"],
        points_zh: Float[Array, "batch cameras visible_zh anchors_zh 2"],
        points_wz: Float[Array, "batch cameras visible_wz anchors_wz 2"],
        index_hw: Int[Array, "batch cameras visible_hw"],
        index_zh: Int[Array, "batch cameras visible_zh"],
        index_wz: Int[Array, "batch cameras visible_wz"],
    ) -> Float[Array, "batch w h z classes"]:
        """Logits of every voxel.

        Args:
            images: The cameras' images, padded to a multiple of 32.
            points_hw: Where the points of each cell's line appear to each camera; see
                ``ImageCrossAttention`` for these and for which cells each camera sees.
            points_zh: The same for the second plane.
            points_wz: The same for the third plane.
            index_hw: Which cells of the first plane each camera sees.
            index_zh: The same for the second plane.
            index_wz: The same for the third plane.
        """
        cells, position, value = self.embedding(tokens_of(self.backbone(images)))
        points, index = (points_hw, points_zh, points_wz), (index_hw, index_zh, index_wz)
        for layer in self.encoder:
            cells = layer(cells, position, value, *points, *index)
        return self.aggregator(cells)
