"""BEVFormer, assembled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype

from reelbench.layers.backbone import Style
from reelbench.layers.driving import (
    BEVFormerLayer,
    BEVFormerQueries,
    CameraEmbedding,
    DetectionBranches,
    DetectionDecoderLayer,
)
from reelbench.models.camera_backbone import CameraBackbone, tokens_of

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int


class BEVFormer(nnx.Module):
    """A bird's-eye-view map from the cameras and the map before, and the objects on it.

    Li et al., "BEVFormer: Learning Bird's-Eye-View Representation from Multi-Camera Images via
    Spatiotemporal Transformers", 2022, arXiv:2203.17270; fundamentalvision/BEVFormer
    ``projects/mmdet3d_plugin/bevformer``. Without dropout and without the masks that augment the
    images.

    Args:
        depths: Blocks of each stage of the residual network.
        style: Which convolution of its blocks strides.
        deformable: Which of its stages have deformable convolutions.
        first: The first stage, counted from 0, that the pyramid takes.
        levels: Height and width of each output of the pyramid.
        map_size: Height and width of the map.
        features: Width of the transformer.
        num_heads: Attention heads.
        mlp_dim: Width inside the feed-forward parts.
        encoder_layers: Layers that update the map.
        decoder_layers: Layers that update the objects.
        num_queries: Objects looked for.
        num_classes: Classes of objects.
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
        map_size: tuple[int, int],
        features: int,
        num_heads: int,
        mlp_dim: int,
        encoder_layers: int,
        decoder_layers: int,
        num_queries: int,
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
        self.queries = BEVFormerQueries(
            features, map_size=map_size, num_queries=num_queries, **each
        )
        self.embedding = CameraEmbedding(features, cameras=cameras, levels=levels, **each)
        encoder = [
            BEVFormerLayer(
                features,
                num_heads,
                temporal_points=4,
                spatial_points=8,
                map_size=map_size,
                levels=levels,
                mlp_dim=mlp_dim,
                **each,
            )
            for _ in range(encoder_layers)
        ]
        decoder = [
            DetectionDecoderLayer(
                features, num_heads, num_points=4, map_size=map_size, mlp_dim=mlp_dim, **each
            )
            for _ in range(decoder_layers)
        ]
        branches = [DetectionBranches(features, num_classes=num_classes, **each) for _ in decoder]
        self.encoder, self.decoder = nnx.List(encoder), nnx.List(decoder)
        self.branches = nnx.List(branches)

    def __call__(
        self,
        images: Float[Array, "batch cameras h w 3"],
        previous: Float[Array, "batch cells features"],
        shift: Float[Array, "batch 2"],
        motion: Float[Array, "batch signals"],
        reference_points: Float[Array, "batch cameras visible heights 2"],
        query_index: Int[Array, "batch cameras visible"],
    ) -> tuple[
        Float[Array, "layers batch objects classes"],
        Float[Array, "layers batch objects code"],
        Float[Array, "batch cells features"],
    ]:
        """Objects after each layer of the decoder, and the map.

        Args:
            images: The cameras' images, padded to a multiple of 32.
            previous: The map of the instant before, turned as the vehicle has turned.
            shift: How far the vehicle has moved, as a share of the map.
            motion: Signals of the vehicle's motion.
            reference_points: Where the points of each cell's pillar appear to each camera.
            query_index: Which cells each camera sees.

        Returns:
            Logits of the classes; boxes, the first, second and fifth number of which are the
            centre as a share of the space looked at; the map, which is ``previous`` next time.
        """
        value = self.embedding(tokens_of(self.backbone(images)))
        cells, cell_position, objects, object_position, place = self.queries(motion)
        # Every layer of the source sees the queries as they were before the first one.
        maps = jnp.stack([previous, cells], axis=1)
        for layer in self.encoder:
            cells = layer(cells, maps, cell_position, shift, value, reference_points, query_index)

        wide = jnp.promote_types(place.dtype, jnp.float32)
        objects = jnp.broadcast_to(objects, (len(images), *objects.shape))
        place = jnp.broadcast_to(place.astype(wide), (len(images), *place.shape))
        classes, boxes = [], []
        for decoder, branches in zip(self.decoder, self.branches, strict=True):
            objects = decoder(objects, cells, object_position, place[..., :2])
            kind, code = branches(objects)
            box, refined = refine(code.astype(wide), place)
            classes.append(kind)
            boxes.append(box.astype(kind.dtype))
            place = jax.lax.stop_gradient(refined)
        return jnp.stack(classes), jnp.stack(boxes), cells


def refine(
    code: Float[Array, "batch objects code"], place: Float[Array, "batch objects 3"]
) -> tuple[Float[Array, "batch objects code"], Float[Array, "batch objects 3"]]:
    """Move the places by what the code says, in logits; the box has the moved centre.

    The code's first, second and fifth number belong to x, y and z.
    """
    axes = jnp.asarray([0, 1, 4])
    moved = jax.nn.sigmoid(code[..., axes] + _logit(place))
    return code.at[..., axes].set(moved), moved


def _logit(share: Float[Array, "*axes"]) -> Float[Array, "*axes"]:
    """Inverse of the sigmoid, bounded near 0 and 1."""
    return jnp.log(jnp.clip(share, 1e-5)) - jnp.log(jnp.clip(1 - share, 1e-5))
