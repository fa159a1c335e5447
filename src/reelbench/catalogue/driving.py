"""Driving: bird's-eye-view maps gathered from the cameras around a vehicle.

A clip is the six images that the cameras take at one instant, before padding to a multiple of 32.
"""

from typing import Any

from reelbench.catalogue.preset import Input, Preset, preset

Levels = tuple[tuple[int, int], ...]

BEVFORMER = (
    "Li et al. 2022, arXiv:2203.17270; fundamentalvision/BEVFormer"
    " projects/configs/bevformer/bevformer_tiny.py and bevformer_base.py"
)
CAMERAS = 6
HEIGHTS = 4


def cameras_of(levels: Levels, visible: int, side: int, features: int = 256) -> dict[str, Input]:
    """What a layer is given of the cameras: feature maps, and which cell sees what of them.

    Args:
        levels: Height and width of each feature map of a camera.
        visible: Cells that each camera sees.
        side: Cells along each side of the square map.
        features: Channels of the feature maps.
    """
    tokens = sum(height * width for height, width in levels)
    return {
        "value": Input((CAMERAS, tokens, features)),
        "reference_points": Input((CAMERAS, visible, HEIGHTS, 2), values="unit"),
        "query_index": Input((CAMERAS, visible), values="index", below=side * side),
    }


def maps_of(side: int, features: int = 256) -> dict[str, Input]:
    """What a layer is given of the past: two maps, the cells' positions, the vehicle's motion."""
    return {
        "maps": Input((2, side * side, features)),
        "query_position": Input((side * side, features), batched=False),
        "shift": Input((2,), values="unit"),
    }


def objects_of(side: int, queries: int = 900, features: int = 256) -> dict[str, Input]:
    """What a layer of the decoder is given: the map, the objects' positions and places."""
    return {
        "value": Input((side * side, features)),
        "query_position": Input((queries, features), batched=False),
        "reference_points": Input((queries, 2), values="unit"),
    }


def _spatial(
    size: str, image: tuple[int, int], side: int, visible: int, levels: Levels, **rest: Any
) -> Preset:
    inputs = {"query": Input((side * side, 256)), **cameras_of(levels, visible, side)}
    options = {"in_features": 256, "num_heads": 8, "num_points": 8, "levels": levels}
    return preset(
        "SpatialCrossAttention", f"bevformer-{size}-spatial", clip=(CAMERAS, *image),
        inputs=inputs, options=options, source=BEVFORMER, assumed=True, **rest,
    )  # fmt: skip


def _temporal(size: str, image: tuple[int, int], side: int) -> Preset:
    inputs = {"query": Input((side * side, 256)), **maps_of(side)}
    options = {"in_features": 256, "num_heads": 8, "num_points": 4, "map_size": (side, side)}
    return preset(
        "TemporalSelfAttention", f"bevformer-{size}-temporal", clip=(CAMERAS, *image),
        inputs=inputs, options=options, source=BEVFORMER,
    )  # fmt: skip


def _layer(size: str, image: tuple[int, int], side: int, visible: int, levels: Levels) -> Preset:
    query = {"query": Input((side * side, 256))}
    inputs = {**query, **maps_of(side), **cameras_of(levels, visible, side)}
    options = {
        "in_features": 256, "num_heads": 8, "temporal_points": 4, "spatial_points": 8,
        "map_size": (side, side), "levels": levels, "mlp_dim": 512,
    }  # fmt: skip
    return preset(
        "BEVFormerLayer", f"bevformer-{size}-layer", clip=(CAMERAS, *image),
        inputs=inputs, options=options, source=BEVFORMER, assumed=True,
    )  # fmt: skip


def _decoder(size: str, image: tuple[int, int], side: int) -> Preset:
    inputs = {"query": Input((900, 256)), **objects_of(side)}
    options = {
        "in_features": 256, "num_heads": 8, "num_points": 4, "map_size": (side, side),
        "mlp_dim": 512,
    }  # fmt: skip
    return preset(
        "DetectionDecoderLayer", f"bevformer-{size}-decoder", clip=(CAMERAS, *image),
        inputs=inputs, options=options, source=BEVFORMER,
    )  # fmt: skip


# Assumed: how many queries the camera that sees most of them sees (604, 9675). It depends on the
# vehicle; counted by projecting the four heights of each of the side×side pillars (102.4 m square,
# -5 to 3 m high) by the rule of the source's encoder.py with the calibration of one nuScenes frame,
# n008-2018-08-01-15-16-36-0400 1533151603547590. Its rear camera sees most; the other five see 65
# to 80 % of that, and the source pads them to the same length.
TINY_LEVELS = ((15, 25),)
BASE_LEVELS = ((116, 200), (58, 100), (29, 50), (15, 25))
TINY_VISIBLE, BASE_VISIBLE = 604, 9675

# fmt: off
PRESETS = (
    _spatial("tiny",  (450, 800),   50, TINY_VISIBLE, TINY_LEVELS, core=True),
    _spatial("base",  (900, 1600), 200, BASE_VISIBLE, BASE_LEVELS),
    _temporal("tiny", (450, 800),   50),
    _temporal("base", (900, 1600), 200),
    _layer("tiny",    (450, 800),   50, TINY_VISIBLE, TINY_LEVELS),
    _layer("base",    (900, 1600), 200, BASE_VISIBLE, BASE_LEVELS),
    _decoder("tiny",  (450, 800),   50),
    _decoder("base",  (900, 1600), 200),
)
# fmt: on
