"""Driving: bird's-eye-view maps gathered from the cameras around a vehicle.

A clip is the six images that the cameras take at one instant, before padding to a multiple of 32.
"""

from typing import Any

from reelbench.catalogue.preset import Input, Preset, preset

BEVFORMER = (
    "Li et al. 2022, arXiv:2203.17270; fundamentalvision/BEVFormer"
    " projects/configs/bevformer/bevformer_tiny.py and bevformer_base.py"
)
CAMERAS = 6
HEIGHTS = 4


def _bevformer(
    name: str,
    image: tuple[int, int],
    side: int,
    visible: int,
    levels: tuple[tuple[int, int], ...],
    **rest: Any,
) -> Preset:
    tokens = sum(height * width for height, width in levels)
    return preset(
        "SpatialCrossAttention",
        name,
        clip=(CAMERAS, *image),
        inputs={
            "query": (side * side, 256),
            "value": (CAMERAS, tokens, 256),
            "reference_points": Input((CAMERAS, visible, HEIGHTS, 2), values="unit"),
            "query_index": Input((CAMERAS, visible), values="index", below=side * side),
        },
        options={"in_features": 256, "num_heads": 8, "num_points": 8, "levels": levels},
        source=BEVFORMER,
        assumed=True,
        **rest,
    )


# Assumed: how many queries the camera that sees most of them sees (604, 9675). It depends on the
# vehicle; counted by projecting the four heights of each of the side×side pillars (102.4 m square,
# -5 to 3 m high) by the rule of the source's encoder.py with the calibration of one nuScenes frame,
# n008-2018-08-01-15-16-36-0400 1533151603547590. Its rear camera sees most; the other five see 65
# to 80 % of that, and the source pads them to the same length.
# fmt: off
PRESETS = (
    _bevformer("bevformer-tiny-spatial", (450, 800),   50,  604, ((15, 25),), core=True),
    _bevformer("bevformer-base-spatial", (900, 1600), 200, 9675,
               ((116, 200), (58, 100), (29, 50), (15, 25))),
)
# fmt: on
