"""Backbones of camera images: residual networks and feature pyramids over a cameras axis.

A clip is the six images that the cameras take at one instant; the shapes are those of the images
padded to a multiple of 32.
"""

from typing import Any

from reelbench.catalogue.preset import Preset, preset

RESNET50 = (
    "He et al. 2015, arXiv:1512.03385; fundamentalvision/BEVFormer"
    " projects/configs/bevformer/bevformer_tiny.py; mmdet models/backbones/resnet.py"
)
R101_DCN = (
    "Zhu et al. 2018, arXiv:1811.11168; fundamentalvision/BEVFormer"
    " projects/configs/bevformer/bevformer_base.py; mmdet models/backbones/resnet.py"
)
FPN = (
    "Lin et al. 2016, arXiv:1612.03144; fundamentalvision/BEVFormer"
    " projects/configs/bevformer/{}.py; mmdet models/necks/fpn.py"
)
HALF, FULL = (6, 450, 800), (6, 900, 1600)


def _block(
    name: str, clip: tuple[int, int, int], size: tuple[int, int], width: int, **rest: Any
) -> Preset:
    """A residual block that keeps the shape; ``deformable`` ones are those of R101-DCN."""
    deformable = rest.pop("deformable", False)
    options: dict[str, Any] = {
        "in_features": 4 * width,
        "mid_features": width,
        "out_features": 4 * width,
    }
    if deformable:
        options |= {"style": "caffe", "deformable": True}
    return preset(
        "Bottleneck", name, clip=clip, inputs={"x": (6, *size, 4 * width)}, options=options,
        source=R101_DCN if deformable else RESNET50, **rest,
    )  # fmt: skip


def _pyramid(
    name: str, clip: tuple[int, int, int], maps: tuple[tuple[int, int, int], ...], outs: int,
    config: str, **rest: Any,
) -> Preset:  # fmt: skip
    return preset(
        "FPN", name, clip=clip, inputs={f"map{i}": (6, *size) for i, size in enumerate(maps)},
        options={"in_features": tuple(c for *_, c in maps), "out_features": 256, "num_outs": outs},
        source=FPN.format(config), **rest,
    )  # fmt: skip


# Assumed in the rows called small: images of half the height and width.
# fmt: off
PRESETS = (
    preset("ResNetStem", "resnet-camera-stem", clip=HALF, inputs={"images": (6, 480, 800, 3)},
           options={"features": 64}, source=RESNET50),
    _block("resnet50-camera-layer1", HALF, (120, 200),  64),
    _block("resnet50-camera-layer3", HALF,  (30,  50), 256),
    _block("resnet50-camera-layer4", HALF,  (15,  25), 512),
    _block("r101-dcn-camera-layer3", FULL,  (58, 100), 256, deformable=True),
    _block("r101-dcn-camera-layer4", FULL,  (29,  50), 512, deformable=True),
    _block("r101-dcn-camera-layer3-small", HALF, (30, 50), 256, deformable=True, assumed=True),
    _pyramid("fpn-camera-tiny", HALF, ((15, 25, 2048),), 1, "bevformer_tiny"),
    _pyramid("fpn-camera-base", FULL,
             ((116, 200, 512), (58, 100, 1024), (29, 50, 2048)), 4, "bevformer_base"),
    _pyramid("fpn-camera-small", HALF,
             ((60, 100, 512), (30, 50, 1024), (15, 25, 2048)), 4, "bevformer_base", assumed=True),
)
# fmt: on
