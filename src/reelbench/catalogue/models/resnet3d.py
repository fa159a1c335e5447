"""The 18-layer residual 3-D CNNs of torchvision: R3D, MC3 and R(2+1)D.

They differ in the convolutions of their four stages: ``dense`` ones are 3×3×3, ``spatial`` ones
1×3×3 (and do not stride along time), ``factorised`` ones 1×3×3 and then 3×1×1.
"""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

SOURCE = "Tran et al. 2018, arXiv:1711.11248; torchvision models/video/resnet.py"
TORCHVISION = "torchvision models/video/resnet.py"

R3D = ("dense",) * 4
MC3 = ("dense", "spatial", "spatial", "spatial")
R2PLUS1D = ("factorised",) * 4

# torchvision references/video_classification/train.py.
OPTIMIZER = "sgd"


@resizable
def resnet3d(
    name: str,
    forms: tuple[str, ...],
    *published: Published,
    clip: tuple[int, int, int] = (16, 112, 112),
    depths: tuple[int, ...] = (2, 2, 2, 2),
    width: int = 64,
    num_classes: int = 400,
) -> Model:
    """Compose a residual 3-D CNN of basic blocks.

    Args:
        name: Its name.
        forms: Form of the convolutions of each stage.
        published: Figures to hold it against.
        clip: Frames, height and width of its clip.
        depths: Blocks of each stage.
        width: Channels of the first stage; each further stage has twice as many.
        num_classes: Classes.
    """
    parts = [_stem(forms[0], clip, width)]
    shape, features = (clip[0], -(-clip[1] // 2), -(-clip[2] // 2)), width
    for stage, (form, depth) in enumerate(zip(forms, depths, strict=True)):
        layer, options = "convolution.BasicBlock", dict[str, Any]()
        if form == "factorised":
            layer = "factorised.R2Plus1DBlock"
        elif form == "spatial":
            options["kernel_size"] = (1, 3, 3)
        for index in range(min(depth, 2)):
            first = index == 0
            strides = first_strides(form, stage) if first else (1, 1, 1)
            parts.append(
                part(
                    f"layer{stage + 1}" + (".first" if first else ""),
                    layer,
                    {"x": (*shape, features)},
                    count=1 if first else depth - 1,
                    in_features=features,
                    out_features=width * 2**stage,
                    strides=strides,
                    **options,
                )
            )
            frames, height, across = (
                -(-length // stride) for length, stride in zip(shape, strides, strict=True)
            )
            shape, features = (frames, height, across), width * 2**stage
    parts.append(
        part(
            "head",
            "head.PoolingHead",
            {"x": (*shape, features)},
            in_features=features,
            num_classes=num_classes,
        )
    )
    return Model(
        model="ResNet3D",
        name=name,
        clip=clip,
        inputs={"x": Input((*clip, 3))},
        options={"forms": forms, "depths": depths, "width": width, "num_classes": num_classes},
        parts=tuple(parts),
        source=SOURCE,
        published=published,
    )


def first_strides(form: str, stage: int) -> tuple[int, int, int]:
    """Strides of the first block of a stage."""
    if stage == 0:
        return (1, 1, 1)
    return (1, 2, 2) if form == "spatial" else (2, 2, 2)


def stem_width(width: int) -> int:
    """Channels between the two convolutions of R(2+1)D's stem: 45 before 64."""
    return 45 * width // 64


def _stem(form: str, clip: tuple[int, int, int], width: int) -> Part:
    inputs = {"x": (*clip, 3)}
    if form == "factorised":
        return part(
            "stem",
            "factorised.R2Plus1DStem",
            inputs,
            in_features=3,
            mid_features=stem_width(width),
            out_features=width,
        )
    return part("stem", "convolution.ConvStem", inputs, in_features=3, out_features=width)


MODELS = (
    resnet3d(
        "r3d_18",
        R3D,
        Published("parameters", "33,371,472", f"{TORCHVISION}, R3D_18_Weights"),
        Published("macs", "40.697 G", f"{TORCHVISION}, R3D_18_Weights _ops"),
    ),
    resnet3d(
        "mc3_18",
        MC3,
        Published("parameters", "11,695,440", f"{TORCHVISION}, MC3_18_Weights"),
        Published("macs", "43.343 G", f"{TORCHVISION}, MC3_18_Weights _ops"),
    ),
    resnet3d(
        "r2plus1d_18",
        R2PLUS1D,
        Published("parameters", "31,505,325", f"{TORCHVISION}, R2Plus1D_18_Weights"),
        Published("macs", "40.519 G", f"{TORCHVISION}, R2Plus1D_18_Weights _ops"),
    ),
)
