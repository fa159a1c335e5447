"""BiFPN: five feature maps of one image, fused coarse to fine and back with learned weights.

Many small convolutions of few channels: what they cost says more of launches and memory than of
multipliers.
"""

from reelbench.catalogue.preset import preset

EFFICIENTDET = (
    "Tan et al. 2020, arXiv:1911.09070, table 1; google/automl efficientdet/hparams_config.py"
)
FRAME = (1, 512, 512)
SIDES = (64, 32, 16, 8, 4)


def _levels(*widths: int) -> dict[str, tuple[int, ...]]:
    """Feature maps of a 512×512 image, finest first."""
    return {
        f"level{place}": (1, side, side, width)
        for place, (side, width) in enumerate(zip(SIDES, widths, strict=True))
    }


# fmt: off
PRESETS = (
    preset("CoarserLevels", "efficientdet-d0-coarser", clip=FRAME, inputs={"x": (1, 16, 16, 320)},
           options={"in_features": 320, "features": 64, "levels": 2}, source=EFFICIENTDET),
    preset("BiFPNLayer", "efficientdet-d0-bifpn-first", clip=FRAME,
           inputs=_levels(40, 112, 320, 64, 64),
           options={"in_features": (40, 112, 320, 64, 64), "features": 64}, source=EFFICIENTDET),
    preset("BiFPNLayer", "efficientdet-d0-bifpn", clip=FRAME, inputs=_levels(64, 64, 64, 64, 64),
           options={"in_features": (64, 64, 64, 64, 64), "features": 64}, source=EFFICIENTDET),
    preset("PyramidHead", "efficientdet-d0-classes", clip=FRAME, inputs=_levels(64, 64, 64, 64, 64),
           options={"features": 64, "out_features": 810, "levels": 5, "repeats": 3},
           source=EFFICIENTDET),
)
# fmt: on
