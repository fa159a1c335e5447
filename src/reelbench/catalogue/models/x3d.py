"""X3D: small convolutional models whose 3×3×3 convolutions are all depthwise.

Found by growing a tiny image model step by step in frames, resolution, depth and width.
"""

from __future__ import annotations

import math
from typing import Any

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable, within
from reelbench.catalogue.preset import Input

PAPER = "Feichtenhofer 2020, arXiv:2004.04730"
SOURCE = f"{PAPER}; PyTorchVideo models/x3d.py"
PYSLOWFAST = "PySlowFast MODEL_ZOO.md"
PYTORCHVIDEO = "PyTorchVideo docs/source/model_zoo.md"
WIDTHS = (24, 48, 96, 192)
CLASSES = 400

# facebookresearch/SlowFast configs/Kinetics/X3D_M.yaml.
OPTIMIZER = "sgd"


@resizable
def x3d(
    name: str,
    clip: tuple[int, int, int],
    *published: Published,
    depths: tuple[int, ...] = (3, 5, 11, 7),
    widths: tuple[int, ...] = WIDTHS,
    expansion: float = 2.25,
    se_ratio: float = 1 / 16,
    head_features: int = 2048,
    num_classes: int = CLASSES,
    pool_size: tuple[int, int, int] | None = None,
) -> Model:
    """Compose an X3D.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        depths: Blocks of each stage.
        widths: Channels of each stage; the stem has those of the first.
        expansion: Width of the depthwise convolutions relative to the stage's.
        se_ratio: Width of the squeeze relative to the depthwise convolution's.
        head_features: Channels that the classifier sees.
        num_classes: Classes.
        pool_size: Window of the average in the head, of a model that is run on a larger clip than
            it is trained on; None for all of the last stage's output. Of a smaller clip all is
            averaged.
    """
    frames, height, width = clip
    parts = [
        part("stem", "depthwise.X3DStem", {"x": (*clip, 3)}, in_features=3, out_features=widths[0])
    ]
    height, width = -(-height // 2), -(-width // 2)
    features = widths[0]
    for stage, (depth, out_features) in enumerate(zip(depths, widths, strict=True), start=2):
        middle = int(expansion * out_features)
        parts.append(
            part(
                f"res{stage}.first",
                "depthwise.X3DBlock",
                {"x": (frames, height, width, features)},
                in_features=features,
                strides=(1, 2, 2),
                mid_features=middle,
                out_features=out_features,
                se_ratio=se_ratio,
            )
        )
        height, width, features = -(-height // 2), -(-width // 2), out_features
        shape = (frames, height, width, features)
        # Every other block squeezes, the first one included.
        parts += _blocks(f"res{stage}.plain", shape, middle, 0, depth // 2)
        parts += _blocks(f"res{stage}.squeezing", shape, middle, se_ratio, (depth - 1) // 2)
    middle = int(expansion * features)
    pool_size = pool_size and within(pool_size, (frames, height, width))
    head: dict[str, Any] = {
        "head_features": head_features,
        "num_classes": num_classes,
        "pool_size": pool_size,
    }
    parts.append(
        part(
            "head",
            "depthwise.X3DHead",
            {"x": (frames, height, width, features)},
            in_features=features,
            mid_features=middle,
            **head,
        )
    )
    return Model(
        model="X3D",
        name=name,
        clip=clip,
        inputs={"x": Input((*clip, 3))},
        options={
            "depths": depths,
            "widths": widths,
            "expansion": expansion,
            "se_ratio": se_ratio,
            **head,
        },
        parts=tuple(parts),
        source=SOURCE,
        published=published,
    )


def _blocks(
    name: str, shape: tuple[int, ...], middle: int, se_ratio: float, count: int
) -> list[Part]:
    """Blocks that keep the shape, if there are any."""
    if not count:
        return []
    width = shape[-1]
    return [
        part(
            name,
            "depthwise.X3DBlock",
            {"x": shape},
            count=count,
            in_features=width,
            mid_features=middle,
            out_features=width,
            se_ratio=se_ratio,
        )
    ]


def _depths(factor: float) -> tuple[int, ...]:
    """Blocks of each stage of a model whose depth grew by a factor."""
    return tuple(math.ceil(factor * depth) for depth in (1, 2, 5, 3))


def _at_test(figure: str, ours: str, normalised: str) -> Published:
    """PyTorchVideo's figure of a model on its test crop, which counts normalisations too."""
    reason = (
        "5 FLOPs are counted for each value that a batch normalisation gives:"
        f" {ours} G of ours + 5 × {normalised} G"
    )
    return Published(
        "macs",
        figure,
        PYTORCHVIDEO,
        convention="fvcore: multiply-accumulates of convolutions and products, and 5 a normalised"
        " value",
        unmet=reason,
    )


SMALL = (
    Published("parameters", "3,794,274", "PyTorchVideo models/x3d.py, create_x3d"),
    Published("parameters", "3.79 M", PYTORCHVIDEO),
    Published("parameters", "3.8 M", PYSLOWFAST),
)
LARGE = (
    Published("parameters", "6.15 M", PYTORCHVIDEO),
    Published("parameters", "6.2 M", PYSLOWFAST),
)
XS = Published(
    "macs",
    "0.60 G",
    PYSLOWFAST,
    convention="0.6053 G are 0.6045 G without the classifier, which would round to the figure",
    tolerance=0.005,
)
DEEP = _depths(5.0)

# PySlowFast counts at the crop of training, PyTorchVideo at that of testing; in a test the head
# averages over windows of the size of the last stage's output in training.
# fmt: off
MODELS = (
    x3d("x3d-xs", (4, 160, 160), XS, *SMALL),
    x3d("x3d-s", (13, 160, 160), Published("macs", "1.96 G", PYSLOWFAST), *SMALL),
    x3d("x3d-m", (16, 224, 224), Published("macs", "4.73 G", PYSLOWFAST), *SMALL),
    x3d("x3d-l", (16, 312, 312), Published("macs", "18.37 G", PYSLOWFAST), *LARGE, depths=DEEP),
    x3d("x3d-xs-4x182", (4, 182, 182), _at_test("0.91 G", "0.8439", "0.0141"),
        pool_size=(4, 5, 5)),
    x3d("x3d-s-13x182", (13, 182, 182), _at_test("2.96 G", "2.7270", "0.0459"),
        pool_size=(13, 5, 5)),
    x3d("x3d-m-16x256", (16, 256, 256), _at_test("6.72 G", "6.1857", "0.1070"),
        pool_size=(16, 7, 7)),
    x3d("x3d-l-16x356", (16, 356, 356), _at_test("26.64 G", "24.7776", "0.3719"), depths=DEEP,
        pool_size=(16, 10, 10)),
)
# fmt: on
