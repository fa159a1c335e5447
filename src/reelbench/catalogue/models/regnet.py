"""RegNet (Radosavovic et al. 2020): image networks, here on one frame at a time."""

import math
from dataclasses import dataclass
from typing import Any

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

SOURCE = "Radosavovic et al. 2020, arXiv:2003.13678; torchvision models/regnet.py"
STEM_FEATURES = 32

# facebookresearch/pycls, as all its models.
OPTIMIZER = "sgd"


@dataclass(frozen=True)
class Stage:
    """Blocks of one width.

    Attributes:
        in_features: Channels that enter the first block, which halves the resolution.
        out_features: Channels of every block's output.
        depth: Blocks.
        group_width: Channels of a group of the grouped convolutions.
        size: Height and width of the output.
    """

    in_features: int
    out_features: int
    depth: int
    group_width: int
    size: tuple[int, int]


def stages(
    depth: int, w_0: int, w_a: float, w_m: float, group_width: int, image: tuple[int, int]
) -> list[Stage]:
    """The stages that RegNet's rule gives.

    The width of block ``i`` is ``w_0 + w_a * i``, moved to the nearest ``w_0 * w_m ** k`` and
    rounded to a multiple of 8, then to whole groups; blocks of one width are a stage.

    Args:
        depth: Blocks of the network.
        w_0: Width that the rule starts from.
        w_a: Growth of the width from block to block.
        w_m: Factor between the widths of stages.
        group_width: Channels of a group, but never more than the stage has.
        image: Height and width of the input.
    """
    counts: dict[int, int] = {}
    for block in range(depth):
        power = round(math.log((w_0 + w_a * block) / w_0) / math.log(w_m))
        width = 8 * round(w_0 * w_m**power / 8)
        counts[width] = counts.get(width, 0) + 1
    found: list[Stage] = []
    in_features, size = STEM_FEATURES, _halved(image)
    for width, blocks in counts.items():
        group = min(group_width, width)
        out_features = _whole_groups(width, group)
        size = _halved(size)
        found.append(Stage(in_features, out_features, blocks, group, size))
        in_features = out_features
    return found


def _halved(size: tuple[int, int]) -> tuple[int, int]:
    return (size[0] + 1) // 2, (size[1] + 1) // 2


def _whole_groups(width: int, group: int) -> int:
    """Nearest multiple of ``group``, but not more than a tenth below ``width``."""
    rounded = max(group, int(width + group / 2) // group * group)
    return rounded + group if rounded < 0.9 * width else rounded


def trunk_parts(
    trunk: list[Stage], image: tuple[int, int], se_ratio: float, frames: int = 1
) -> list[Part]:
    """The stem and the blocks, on ``frames`` images."""
    parts = [
        part(
            "stem",
            "regnet.RegNetStem",
            {"x": (frames, *image, 3)},
            in_features=3,
            out_features=STEM_FEATURES,
        )
    ]
    size = _halved(image)
    for place, stage in enumerate(trunk, start=1):
        options: dict[str, Any] = {"group_width": stage.group_width, "se_ratio": se_ratio}
        parts.append(
            part(
                f"stage{place} first",
                "regnet.RegNetBlock",
                {"x": (frames, *size, stage.in_features)},
                in_features=stage.in_features,
                out_features=stage.out_features,
                strides=(2, 2),
                **options,
            )
        )
        size = stage.size
        if stage.depth > 1:
            parts.append(
                part(
                    f"stage{place}",
                    "regnet.RegNetBlock",
                    {"x": (frames, *size, stage.out_features)},
                    count=stage.depth - 1,
                    in_features=stage.out_features,
                    out_features=stage.out_features,
                    **options,
                )
            )
    return parts


@resizable
def regnet(
    name: str,
    depth: int,
    w_0: int,
    w_a: float,
    w_m: float,
    group_width: int,
    *,
    parameters: str,
    macs: str,
    frames: int = 1,
    side: int = 224,
    num_classes: int = 1000,
) -> Model:
    """A classifier of images.

    Args:
        name: Its name; ``_y_`` networks gate their channels, ``_x_`` networks do not.
        depth: Blocks.
        w_0: See `stages`.
        w_a: See `stages`.
        w_m: See `stages`.
        group_width: Channels of a group.
        parameters: Published count.
        macs: Published count.
        frames: Images of a clip, classified one by one.
        side: Height and width of an image.
        num_classes: Classes.
    """
    image, se_ratio = (side, side), 0.25 if "_y_" in name else 0.0
    trunk = stages(depth, w_0, w_a, w_m, group_width, image)
    last = trunk[-1]
    weights = f"torchvision models/regnet.py, {name}"
    return Model(
        "RegNet",
        name,
        (frames, *image),
        {"frames": Input((frames, *image, 3))},
        {
            "depths": tuple(stage.depth for stage in trunk),
            "widths": tuple(stage.out_features for stage in trunk),
            "group_widths": tuple(stage.group_width for stage in trunk),
            "se_ratio": se_ratio,
            "num_classes": num_classes,
        },
        (
            *trunk_parts(trunk, image, se_ratio, frames),
            part(
                "head",
                "regnet.RegNetHead",
                {"x": (frames, *last.size, last.out_features)},
                in_features=last.out_features,
                num_classes=num_classes,
            ),
        ),
        SOURCE,
        (Published("parameters", parameters, weights), Published("macs", macs, weights)),
    )


# fmt: off
MODELS = (
    regnet("regnet_y_400mf", 16, 48, 27.89, 2.09,  8, parameters="4,344,144",  macs="0.402 G"),
    regnet("regnet_y_1_6gf", 27, 48, 20.71, 2.65, 24, parameters="11,202,430", macs="1.612 G"),
    regnet("regnet_y_3_2gf", 21, 80, 42.63, 2.66, 24, parameters="19,436,338", macs="3.176 G"),
    regnet("regnet_x_3_2gf", 25, 88, 26.31, 2.25, 48, parameters="15,296,552", macs="3.177 G"),
)
# fmt: on
