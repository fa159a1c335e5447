"""Occupancy: three perpendicular planes of features, filled from cameras, that span a volume.

A clip is the six images that the cameras take at one instant, before padding to a multiple of 32.
"""

from typing import Any

from reelbench.catalogue.preset import Input, Preset, preset

TPVFORMER = (
    "Huang et al. 2023, arXiv:2302.07817; wzzheng/TPVFormer config/tpv04_occupancy.py and {}"
)
CAMERAS = 6
ANCHORS = (4, 32, 32)
POINTS = (8, 64, 64)

Levels = tuple[tuple[int, int], ...]
Grid = tuple[int, int, int]
Visible = tuple[int, int, int]


def cells_of(grid: Grid) -> tuple[int, int, int]:
    """Cells of the planes h × w, z × h and w × z of a volume h × w × z."""
    h, w, z = grid
    return h * w, z * h, w * z


def images_of(
    levels: Levels, grid: Grid, visible: Visible, features: int = 256, anchors: Grid = ANCHORS
) -> dict[str, Input]:
    """What a layer is given of the cameras: feature maps, and which cell sees what of them.

    Args:
        levels: Height and width of each feature map of a camera.
        grid: Cells along height, width and the vertical of the volume.
        visible: Cells of each plane that each camera sees.
        features: Channels of the feature maps.
        anchors: Reference points of a cell, for each plane.
    """
    tokens = sum(height * width for height, width in levels)
    each = list(zip(("hw", "zh", "wz"), visible, anchors, cells_of(grid), strict=True))
    return {
        "value": Input((CAMERAS, tokens, features)),
        **{f"points_{p}": Input((CAMERAS, n, a, 2), values="unit") for p, n, a, _ in each},
        **{f"index_{p}": Input((CAMERAS, n), values="index", below=b) for p, n, _, b in each},
    }


def _tpvformer(
    layer: str, name: str, file: str, size: tuple[int, int], inputs: dict[str, Input],
    options: dict[str, Any], **rest: Any,
) -> Preset:  # fmt: skip
    return preset(
        layer, f"tpvformer-{name}", clip=(CAMERAS, *size), inputs=inputs, options=options,
        source=TPVFORMER.format(file), **rest,
    )  # fmt: skip


def _images(
    name: str, size: tuple[int, int], levels: Levels, grid: Grid, visible: Visible
) -> Preset:
    inputs = {"query": Input((sum(cells_of(grid)), 256)), **images_of(levels, grid, visible)}
    options = {
        "in_features": 256, "num_heads": 8, "num_points": POINTS, "num_anchors": ANCHORS,
        "grid": grid, "levels": levels,
    }  # fmt: skip
    file = "tpvformer04/modules/image_cross_attention.py"
    return _tpvformer("ImageCrossAttention", name, file, size, inputs, options, assumed=True)


def _layer(
    name: str, size: tuple[int, int], levels: Levels, grid: Grid, visible: Visible
) -> Preset:
    inputs = {
        "query": Input((sum(cells_of(grid)), 256)),
        "query_position": Input((grid[0] * grid[1], 256), batched=False),
        **images_of(levels, grid, visible),
    }
    options = {
        "in_features": 256, "num_heads": 8, "hybrid_points": 4, "num_points": POINTS,
        "num_anchors": ANCHORS, "grid": grid, "levels": levels, "mlp_dim": 512,
    }  # fmt: skip
    file = "tpvformer04/modules/tpvformer_layer.py"
    return _tpvformer("TPVFormerLayer", name, file, size, inputs, options, assumed=True)


GRID: Grid = (100, 100, 8)
LEVELS = ((116, 200), (58, 100), (29, 50), (15, 25))
# Assumed: how many cells of each plane the camera that sees most of them sees. It depends on the
# vehicle; counted by projecting the reference points of the 102.4 m square, -5 to 3 m high, by the
# rule of the source's encoder.py onto six cameras with the places, headings and focal lengths that
# nuScenes gives for its vehicles, all held level.
VISIBLE: Visible = (2383, 504, 768)
# The same volume in cells of four times the length, and images of half the height and width.
SMALL_GRID: Grid = (25, 25, 8)
SMALL_LEVELS = ((60, 100), (30, 50), (15, 25), (8, 13))
SMALL_VISIBLE: Visible = (147, 128, 192)

# fmt: off
PRESETS = (
    _tpvformer("CrossViewHybridAttention", "hybrid",
               "tpvformer04/modules/cross_view_hybrid_attention.py", (900, 1600),
               {"query": Input((10_000, 256)),
                "query_position": Input((10_000, 256), batched=False)},
               {"in_features": 256, "num_heads": 8, "num_points": 4, "plane": (100, 100)}),
    _images("image",       (900, 1600), LEVELS,       GRID,       VISIBLE),
    _images("image-small", (450, 800),  SMALL_LEVELS, SMALL_GRID, SMALL_VISIBLE),
    _layer("layer",        (900, 1600), LEVELS,       GRID,       VISIBLE),
    _layer("layer-small",  (450, 800),  SMALL_LEVELS, SMALL_GRID, SMALL_VISIBLE),
    _tpvformer("TPVAggregator", "aggregator", "tpvformer04/tpv_aggregator.py", (900, 1600),
               {"query": Input((11_600, 256))},
               {"in_features": 256, "hidden_features": 512, "out_features": 256,
                "num_classes": 18, "grid": GRID}),
)
# fmt: on
