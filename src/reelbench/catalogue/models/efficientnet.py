"""EfficientNet-B0 (Tan and Le 2019): the image network inside LSS and EfficientDet."""

from dataclasses import dataclass
from typing import Any

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

SOURCE = (
    "Tan and Le 2019, arXiv:1905.11946; lukemelas/EfficientNet-PyTorch"
    " efficientnet_pytorch/model.py, utils.py"
)
STEM_FEATURES, HEAD_FEATURES = 32, 1280


@dataclass(frozen=True)
class Stage:
    """Blocks of one width: table 1 of the paper.

    Attributes:
        depth: Blocks.
        kernel_size: Length of their depthwise kernels.
        stride: Stride of the first.
        expand_ratio: How many times wider their middle is than their input.
        out_features: Channels of their outputs.
    """

    depth: int
    kernel_size: int
    stride: int
    expand_ratio: int
    out_features: int


B0 = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def halved(size: tuple[int, int], stride: int = 2) -> tuple[int, int]:
    """Size of an image after a stride, padded as TensorFlow pads."""
    return -(-size[0] // stride), -(-size[1] // stride)


def trunk_parts(frames: int, image: tuple[int, int], trunk: tuple[Stage, ...] = B0) -> list[Part]:
    """The stem and the blocks, on ``frames`` images."""
    parts = [
        part(
            "stem",
            "mbconv.MBConvStem",
            {"x": (frames, *image, 3)},
            in_features=3,
            out_features=STEM_FEATURES,
        )
    ]
    size, in_features = halved(image), STEM_FEATURES
    for place, stage in enumerate(trunk, start=1):
        options: dict[str, Any] = {
            "expand_ratio": stage.expand_ratio,
            "kernel_size": stage.kernel_size,
        }
        parts.append(
            part(
                f"stage{place} first",
                "mbconv.MBConv",
                {"x": (frames, *size, in_features)},
                in_features=in_features,
                out_features=stage.out_features,
                strides=(stage.stride, stage.stride),
                **options,
            )
        )
        size, in_features = halved(size, stage.stride), stage.out_features
        if stage.depth > 1:
            parts.append(
                part(
                    f"stage{place}",
                    "mbconv.MBConv",
                    {"x": (frames, *size, in_features)},
                    count=stage.depth - 1,
                    in_features=in_features,
                    out_features=in_features,
                    **options,
                )
            )
    return parts


def trunk_options(trunk: tuple[Stage, ...] = B0) -> tuple[tuple[int, int, int, int, int], ...]:
    """The stages as plain numbers, as the assembled module takes them."""
    return tuple(
        (stage.depth, stage.kernel_size, stage.stride, stage.expand_ratio, stage.out_features)
        for stage in trunk
    )


@resizable
def efficientnet_b0(frames: int = 1, side: int = 224, num_classes: int = 1000) -> Model:
    """A classifier of images.

    Args:
        frames: Images of a clip, classified one by one.
        side: Height and width of an image.
        num_classes: Classes.
    """
    image = (side, side)
    last = image
    for stride in (2, *(stage.stride for stage in B0)):
        last = halved(last, stride)
    return Model(
        "EfficientNet",
        "efficientnet_b0",
        (frames, *image),
        {"frames": Input((frames, *image, 3))},
        {"stages": trunk_options(), "num_classes": num_classes},
        (
            *trunk_parts(frames, image),
            part(
                "head",
                "mbconv.MBConvHead",
                {"x": (frames, *last, B0[-1].out_features)},
                in_features=B0[-1].out_features,
                mid_features=HEAD_FEATURES,
                num_classes=num_classes,
            ),
        ),
        SOURCE,
        (
            Published("parameters", "5,288,548", "torchvision models/efficientnet.py"),
            Published("macs", "0.386 G", "torchvision models/efficientnet.py"),
            Published("parameters", "5.3 M", "Tan and Le 2019, table 2"),
            Published("macs", "0.39 G", "Tan and Le 2019, table 2"),
        ),
    )


MODELS = (efficientnet_b0(),)
