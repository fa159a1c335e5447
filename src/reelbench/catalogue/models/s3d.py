"""S3D: the inception network of video, its convolutions split into space and time."""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable, within
from reelbench.catalogue.preset import Input

SOURCE = "Xie et al. 2018, arXiv:1712.04851; torchvision models/video/s3d.py"
TORCHVISION = "torchvision models/video/s3d.py, S3D_Weights"

# Output channels of the branches of each inception block: 1×1×1; 1×1×1 and separable, twice; after
# the pooling. A stage ends in a max pooling.
Branches = tuple[int, tuple[int, int], tuple[int, int], int]
# fmt: off
STAGES: tuple[tuple[Branches, ...], ...] = (
    ((64,  (96, 128),  (16, 32),  32),
     (128, (128, 192), (32, 96),  64)),
    ((192, (96, 208),  (16, 48),  64),
     (160, (112, 224), (24, 64),  64),
     (128, (128, 256), (24, 64),  64),
     (112, (144, 288), (32, 64),  64),
     (256, (160, 320), (32, 128), 128)),
    ((256, (160, 320), (32, 128), 128),
     (384, (192, 384), (48, 128), 128)),
)
# fmt: on

POOL = "convolution.MaxPool3D"
STEM_POOL: dict[str, Any] = {"window": (1, 3, 3), "strides": (1, 2, 2), "padding": (0, 1, 1)}
# Behind a stage, and behind the second but last one.
STAGE_POOLS: tuple[dict[str, Any], ...] = (
    {"window": (3, 3, 3), "strides": (2, 2, 2), "padding": (1, 1, 1)},
    {"window": (2, 2, 2), "strides": (2, 2, 2)},
)

# Xie et al. 2018, arXiv:1712.04851.
OPTIMIZER = "sgd"


@resizable
def s3d(
    name: str,
    *published: Published,
    clip: tuple[int, int, int] = (16, 224, 224),
    stem_widths: tuple[int, int] = (64, 192),
    stages: tuple[tuple[Branches, ...], ...] = STAGES,
    num_classes: int = 400,
    window: tuple[int, int, int] = (2, 7, 7),
) -> Model:
    """Compose an S3D.

    Args:
        name: Its name.
        published: Figures to hold it against.
        clip: Frames, height and width of its clip: a multiple of 8 frames and of 32 pixels.
        stem_widths: Channels of the two convolutions of 7 and of 3 at its beginning.
        stages: Channels of the branches of each inception block.
        num_classes: Classes.
        window: Lengths of the average pooling in the head; of a smaller clip all is averaged.
    """
    frames, height, across = clip
    quarter = (frames // 2, height // 4, across // 4)
    narrow, wide = stem_widths
    batch_norm: dict[str, Any] = {"epsilon": 1e-3, "momentum": 0.999}
    parts = [
        part(
            "stem",
            "factorised.SeparableConv3D",
            {"x": (*clip, 3)},
            in_features=3,
            out_features=narrow,
            kernel_length=7,
            stride=2,
        ),
        part(
            "stem.pool1",
            POOL,
            {"x": (frames // 2, height // 2, across // 2, narrow)},
            **STEM_POOL,
        ),
        part(
            "stem.point",
            "convolution.ConvNorm",
            {"x": (*quarter, narrow)},
            in_features=narrow,
            out_features=narrow,
            kernel_size=(1, 1, 1),
            **batch_norm,
        ),
        part(
            "stem.separable",
            "factorised.SeparableConv3D",
            {"x": (*quarter, narrow)},
            in_features=narrow,
            out_features=wide,
        ),
        part("stem.pool2", POOL, {"x": (*quarter, wide)}, **STEM_POOL),
    ]
    features, time, space = wide, 2, 8
    for stage, blocks in enumerate(stages):
        for index, branches in enumerate(blocks):
            options = inception_options(branches)
            parts.append(
                part(
                    f"stage{stage + 1}.{index + 1}",
                    "factorised.SepInception",
                    {"x": (frames // time, height // space, across // space, features)},
                    in_features=features,
                    **options,
                )
            )
            features = inception_width(branches)
        if stage + 1 < len(stages):
            pooled = (frames // time, height // space, across // space, features)
            options = STAGE_POOLS[stage + 1 == len(stages) - 1]
            parts.append(part(f"stage{stage + 1}.pool", POOL, {"x": pooled}, **options))
            time, space = 2 * time, 2 * space
    last = (frames // time, height // space, across // space)
    window = within(window, last)
    parts.append(
        part(
            "head",
            "head.PoolingHead",
            {"x": (*last, features)},
            in_features=features,
            num_classes=num_classes,
            window=window,
        )
    )
    return Model(
        model="S3D",
        name=name,
        clip=clip,
        inputs={"x": Input((*clip, 3))},
        options={
            "stem_widths": stem_widths,
            "stages": stages,
            "num_classes": num_classes,
            "window": window,
        },
        parts=tuple(parts),
        source=SOURCE,
        published=published,
    )


def inception_options(branches: Branches) -> dict[str, Any]:
    """The options of an inception block, of its channels."""
    names = ("point_features", "first_features", "second_features", "pool_features")
    return dict(zip(names, branches, strict=True))


def inception_width(branches: Branches) -> int:
    """The channels of an inception block's output."""
    point, first, second, pooled = branches
    return point + first[1] + second[1] + pooled


MODELS = (
    s3d(
        "s3d",
        Published("parameters", "8,320,048", TORCHVISION),
        Published("macs", "17.979 G", f"{TORCHVISION} _ops"),
    ),
)
