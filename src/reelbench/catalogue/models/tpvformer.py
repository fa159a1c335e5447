"""TPVFormer: the class of every voxel around a vehicle, from six cameras.

A clip is the images of one instant. The geometry (where the points of each cell's line appear, and
which cells each camera sees) is an input.
"""

from typing import Any

from reelbench.catalogue.models.bevformer import R101_DCN, backbone_parts
from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.occupancy import (
    ANCHORS,
    GRID,
    LEVELS,
    POINTS,
    TPVFORMER,
    VISIBLE,
    Grid,
    Levels,
    Visible,
    cells_of,
    images_of,
)
from reelbench.catalogue.preset import Input


@resizable
def tpvformer(
    name: str,
    *,
    image: tuple[int, int] = (900, 1600),
    padded: tuple[int, int] = (928, 1600),
    backbone: dict[str, Any] = R101_DCN,
    levels: Levels = LEVELS,
    grid: Grid = GRID,
    visible: Visible = VISIBLE,
    layers: int = 3,
    classes: int = 18,
    features: int = 256,
    heads: int = 8,
    mlp_dim: int = 512,
    published: tuple[Published, ...] = (),
) -> Model:
    """A row.

    Args:
        name: Its name.
        image: Height and width of an image.
        padded: The same, padded to a multiple of 32.
        backbone: Options of the residual network: depths, style, deformable stages.
        levels: Height and width of each feature map; as many as the pyramid has outputs.
        grid: Cells along height, width and the vertical of the volume.
        visible: Cells of each plane that each camera sees.
        layers: Layers that update the planes.
        classes: Classes of a voxel.
        features: Width of the transformer.
        heads: Attention heads.
        mlp_dim: Width inside the feed-forward parts and the aggregator.
        published: Figures to hold our counts against.
    """
    cells = sum(cells_of(grid))
    seen = images_of(levels, grid, visible, features)
    given = {key: each for key, each in seen.items() if key != "value"}
    attention: dict[str, Any] = {
        "num_heads": heads, "hybrid_points": 4, "num_points": POINTS, "num_anchors": ANCHORS,
        "grid": grid, "levels": levels, "mlp_dim": mlp_dim,
    }  # fmt: skip
    parts = (
        *backbone_parts(padded, **backbone, first=1, num_outs=len(levels), features=features),
        part(
            "embedding", "occupancy.TPVEmbedding", {"value": seen["value"]},
            features=features, grid=grid, cameras=6, levels=levels,
        ),
        part(
            "encoder", "occupancy.TPVFormerLayer",
            {
                "query": (cells, features),
                "query_position": Input((grid[0] * grid[1], features), batched=False),
                **seen,
            },
            count=layers, in_features=features, **attention,
        ),
        part(
            "aggregator", "occupancy.TPVAggregator", {"query": (cells, features)},
            in_features=features, hidden_features=mlp_dim, out_features=features,
            num_classes=classes, grid=grid,
        ),
    )  # fmt: skip
    return Model(
        "TPVFormer",
        name,
        clip=(6, *image),
        inputs={"images": Input((6, *padded, 3)), **given},
        options={
            **backbone, "first": 1, **attention, "features": features, "layers": layers,
            "num_classes": classes,
        },
        parts=parts,
        source=TPVFORMER.format("tpvformer04/tpvformer.py"),
        published=published,
        assumed=True,
    )  # fmt: skip


# Assumed: the cells that each camera sees, see the family `occupancy`.
MODELS = (
    tpvformer("tpvformer-occupancy", published=(
        Published("parameters", "62,793,296", "counted by hand: config/tpv04_occupancy.py of"
                  " wzzheng/TPVFormer tpvformer04/tpvformer.py TPVFormer"),
    )),
)  # fmt: skip
