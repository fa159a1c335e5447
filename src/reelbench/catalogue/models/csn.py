"""Channel-separated networks: residual networks whose 3×3×3 convolutions are all depthwise."""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable, within
from reelbench.catalogue.preset import Input

PAPER = "Tran et al. 2019, arXiv:1904.02811"
SOURCE = f"{PAPER}; PyTorchVideo models/csn.py"
PYTORCHVIDEO = "PyTorchVideo docs/source/model_zoo.md"
MMACTION = "MMAction2 configs/recognition/csn/README.md"
VMZ = "facebookresearch/VMZ tutorials/model_zoo.md"
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}

# facebookresearch/VMZ, as all its models.
OPTIMIZER = "sgd"


@resizable
def csn(
    name: str,
    clip: tuple[int, int, int],
    *published: Published,
    depths: tuple[int, ...],
    width: int = 64,
    num_classes: int = 400,
    pool_size: tuple[int, int, int] | None = None,
) -> Model:
    """Compose an ir-CSN.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        depths: Blocks of each stage.
        width: Channels of the stem and of the first stage's depthwise convolutions.
        num_classes: Classes.
        pool_size: Window of the average in the head, of a model that is run on a larger clip than
            it is trained on; None for all of the last stage's output. Of a smaller clip all is
            averaged.
    """
    options: dict[str, Any] = {"depths": depths, "width": width, "num_classes": num_classes}
    parts = [
        part("stem", "separated.CSNStem", {"x": (*clip, 3)}, in_features=3, out_features=width)
    ]
    shape, features = (clip[0], -(-clip[1] // 4), -(-clip[2] // 4)), width
    for stage, depth in enumerate(depths):
        middle = width * 2**stage
        stride = 2 if stage else 1
        for first in (True, False):
            parts.append(
                part(
                    f"res{stage + 2}" + (".first" if first else ""),
                    "separated.CSNBlock",
                    {"x": (*shape, features)},
                    count=1 if first else depth - 1,
                    in_features=features,
                    mid_features=middle,
                    out_features=4 * middle,
                    strides=(stride,) * 3 if first else (1, 1, 1),
                )
            )
            if first:
                frames, height, across = (-(-length // stride) for length in shape)
                shape, features = (frames, height, across), 4 * middle
    pool_size = pool_size and within(pool_size, shape)
    parts.append(
        part(
            "head",
            "separated.CSNHead",
            {"x": (*shape, features)},
            in_features=features,
            num_classes=num_classes,
            pool_size=pool_size,
        )
    )
    return Model(
        model="CSN",
        name=name,
        clip=clip,
        inputs={"x": Input((*clip, 3))},
        options={**options, "pool_size": pool_size},
        parts=tuple(each for each in parts if each.count),
        source=SOURCE,
        published=published,
    )


def _with_norms(
    figure: str, source: str, each: int, ours: str, normalised: str, total: str
) -> Published:
    """A figure that counts ``each`` FLOPs for each value that a batch normalisation gives."""
    return Published(
        "macs",
        figure,
        source,
        convention=f"convolutions, products, and {each} FLOPs a normalised value",
        unmet=f"counts normalisations: {ours} G of ours + {each} × {normalised} G = {total} G",
    )


# The figures are of a clip of the size that the models are tested at; in a test the head averages
# over windows of the size of the last stage's output in training.
TEST = (4, 7, 7)

# fmt: off
MODELS = (
    csn("csn-r101", (32, 224, 224), Published("parameters", "22.21 M", PYTORCHVIDEO),
        depths=DEPTHS[101]),
    csn("csn-r101-32x256", (32, 256, 256),
        _with_norms("75.62 G", PYTORCHVIDEO, 5, "73.757", "0.3734", "75.62"),
        depths=DEPTHS[101], pool_size=TEST),
    csn("csn-r50-32x256", (32, 256, 256), Published("parameters", "13.13 M", MMACTION),
        _with_norms("55.90 G", MMACTION, 2, "55.259 (without the classifier)", "0.3199", "55.90"),
        depths=DEPTHS[50], pool_size=TEST),
    csn("csn-r152-32x256", (32, 256, 256),
        Published("macs", "96.7 G", VMZ, convention="printed beside 224², but met at 256²"),
        _with_norms("97.63 G", MMACTION, 2, "96.712 (without the classifier)", "0.4647",
                    "97.64"),
        Published("parameters", "29.70 M", MMACTION),
        Published("parameters", "29.6 M", VMZ, unmet="leaves out the 151,424 scales and offsets of"
                  " the batch normalisations: 29,552,144"),
        depths=DEPTHS[152], pool_size=TEST),
)
# fmt: on
