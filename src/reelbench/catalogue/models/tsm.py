"""TSM: a 2-D residual network over the frames of a clip, whose blocks shift channels in time."""

from __future__ import annotations

from reelbench.catalogue.models.bottleneck3d import DEPTHS
from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "Lin et al. 2019, arXiv:1811.08383"
SOURCE = f"{PAPER}; temporal-shift-module ops/models.py"
MMACTION = "MMAction2 configs/recognition/tsm/README.md"

# mit-han-lab/temporal-shift-module main.py.
OPTIMIZER = "sgd"


@resizable
def tsm(
    name: str,
    clip: tuple[int, int, int],
    *published: Published,
    depths: tuple[int, ...] = DEPTHS[50],
    width: int = 64,
    num_classes: int = 400,
) -> Model:
    """Compose a TSM of bottleneck blocks.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        depths: Blocks of each stage.
        width: Channels of the stem.
        num_classes: Classes.
    """
    frames, height, across = clip
    parts = [
        part(
            "stem",
            "convolution.ConvStem",
            {"x": (*clip, 3)},
            in_features=3,
            out_features=width,
            kernel_size=(7, 7),
            strides=(2, 2),
            pool=True,
        )
    ]
    height, across, features = -(-height // 4), -(-across // 4), width
    for stage, depth in enumerate(depths):
        for index in range(min(depth, 2)):
            first = index == 0
            stride = first_stride(stage) if first else 1
            parts.append(
                part(
                    f"layer{stage + 1}" + (".first" if first else ""),
                    "shift.ShiftBottleneck",
                    {"x": (frames, height, across, features)},
                    count=1 if first else depth - 1,
                    in_features=features,
                    mid_features=width * 2**stage,
                    out_features=4 * width * 2**stage,
                    strides=(stride, stride),
                )
            )
            height, across = -(-height // stride), -(-across // stride)
            features = 4 * width * 2**stage
    window = (1, height, across)
    parts.append(
        part(
            "head",
            "head.PoolingHead",
            {"x": (frames, height, across, features)},
            in_features=features,
            num_classes=num_classes,
            window=window,
        )
    )
    return Model(
        model="TSM",
        name=name,
        clip=clip,
        inputs={"x": Input((*clip, 3))},
        options={"depths": depths, "width": width, "num_classes": num_classes, "window": window},
        parts=tuple(parts),
        source=SOURCE,
        published=published,
    )


def first_stride(stage: int) -> int:
    """Stride over space of the first block of a stage."""
    return 2 if stage else 1


MODELS = (
    tsm(
        "tsm-r50",
        (8, 224, 224),
        Published("parameters", "24.3 M", PAPER),
        Published("macs", "33 G", PAPER),
        Published(
            "parameters",
            "23.87 M",
            MMACTION,
            unmet="counted with the 174 classes of Something-Something V2: 226 × 2,049 fewer",
        ),
        Published(
            "macs",
            "32.88 G",
            MMACTION,
            convention="counts 2 for each number that is normalised",
            unmet="the rest is 2 for each of the 88.9 M numbers that batch normalisations read; "
            "32.704 G are convolutions and the classifier",
        ),
    ),
    tsm(
        "tsm-r50-16x224",
        (16, 224, 224),
        Published("macs", "65 G", PAPER),
        Published(
            "macs",
            "65.75 G",
            MMACTION,
            convention="counts 2 for each number that is normalised",
            unmet="the rest is 2 for each of the 177.8 M numbers that batch normalisations read; "
            "65.407 G are convolutions and the classifier",
        ),
    ),
)
