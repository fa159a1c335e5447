"""Residual 3-D CNNs of bottleneck blocks with one pathway: C2D, I3D, Slow and R(2+1)D-50.

They differ in where their kernels are longer than 1 along time. A name alone is the model at the
crop that it is trained on; published multiply-accumulates belong to the crop of 256 pixels that it
is tested on, where the head pools a window as large as in training at several positions.
"""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

Shape = tuple[int, int, int]
Block = dict[str, Any]

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
STRIDES = ((1, 1, 1), (1, 2, 2), (1, 2, 2), (1, 2, 2))

NONLOCAL = "Wang et al. 2018, arXiv:1711.07971; PyTorchVideo models/hub/resnet.py"
SLOWFAST = "Feichtenhofer et al. 2019, arXiv:1812.03982; PyTorchVideo models/hub/resnet.py"
ZOO = "PyTorchVideo docs/source/model_zoo.md"
MMACTION = "MMAction2 configs/recognition/slowonly/README.md"

# Kernel lengths along time of the first convolution of each block of a stage, repeated over them.
SLOW = ((1,), (1,), (3,), (3,))
C2D: dict[str, Any] = {
    "source": f"{NONLOCAL}, c2d_r50",
    "temporal_kernels": ((1,),) * 4,
    "time_pool": True,
}
I3D: dict[str, Any] = {
    "source": f"{NONLOCAL}, i3d_r50",
    "temporal_kernels": ((3,), (3, 1), (3, 1), (1, 3)),
    "stem_kernel": 5,
    "time_pool": True,
}
R2PLUS1D: dict[str, Any] = {
    "source": "Tran et al. 2018, arXiv:1711.11248; PyTorchVideo models/r2plus1d.py",
    "stem_pool": False,
    "factorised": True,
    "strides": ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2)),
}

# facebookresearch/SlowFast configs/Kinetics/SLOW_8x8_R50.yaml.
OPTIMIZER = "sgd"


def bottlenecks(
    depths: tuple[int, ...],
    temporal_kernels: tuple[tuple[int, ...], ...],
    strides: tuple[Shape, ...],
    stem_features: int,
    width: int,
    *,
    lateral_share: int = 0,
) -> tuple[tuple[Block, ...], ...]:
    """The options of every block, by stage.

    Args:
        depths: Blocks of each stage.
        temporal_kernels: Kernel lengths along time of a stage's blocks, repeated over them.
        strides: Strides of the first block of each stage.
        stem_features: Channels that enter the first stage.
        width: Channels inside the blocks of the first stage; each further stage has twice as many.
        lateral_share: One over the share of the channels entering a stage by which a lateral
            connection increases them; 0 for none.
    """
    stages, features = [], stem_features
    for stage, depth in enumerate(depths):
        if lateral_share:
            features += features // lateral_share
        blocks, middle = [], width * 2**stage
        for index in range(depth):
            kernels = temporal_kernels[stage]
            blocks.append(
                {
                    "in_features": features,
                    "mid_features": middle,
                    "out_features": 4 * middle,
                    "temporal_kernel": kernels[index % len(kernels)],
                    "strides": (1, 1, 1) if index else strides[stage],
                }
            )
            features = 4 * middle
        stages.append(tuple(blocks))
    return tuple(stages)


def factorised_options(block: Block) -> Block:
    """The options of R(2+1)D's block, whose kernel along time always has length 3."""
    return {key: value for key, value in block.items() if key != "temporal_kernel"}


def strided(shape: Shape, strides: Shape) -> Shape:
    """The shape that a padded convolution leaves."""
    frames, height, across = (
        -(-length // stride) for length, stride in zip(shape, strides, strict=True)
    )
    return frames, height, across


def stage_parts(
    name: str, layer: str, blocks: tuple[Block, ...], shape: Shape
) -> tuple[list[Part], Shape]:
    """The parts of a stage, equal blocks being one, and the shape behind it."""
    first, *others = blocks
    parts = [part(f"{name}.first", layer, {"x": (*shape, first["in_features"])}, **first)]
    shape = strided(shape, first["strides"])
    distinct = [block for index, block in enumerate(others) if block not in others[:index]]
    for block in distinct:
        suffix = f".kernel{block['temporal_kernel']}" if len(distinct) > 1 else ""
        inputs = {"x": (*shape, block["in_features"])}
        parts.append(part(f"{name}{suffix}", layer, inputs, count=others.count(block), **block))
    return parts, shape


@resizable
def bottleneck3d(
    name: str,
    clip: Shape,
    *published: Published,
    source: str = SLOWFAST,
    temporal_kernels: tuple[tuple[int, ...], ...] = SLOW,
    stem_kernel: int = 1,
    stem_pool: bool = True,
    time_pool: bool = False,
    factorised: bool = False,
    strides: tuple[Shape, ...] = STRIDES,
    depths: tuple[int, ...] = DEPTHS[50],
    width: int = 64,
    num_classes: int = 400,
    train_size: int = 224,
) -> Model:
    """Compose a residual 3-D CNN of bottleneck blocks.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        source: Paper and file.
        temporal_kernels: Kernel lengths along time of a stage's blocks, repeated over them.
        stem_kernel: Length of the stem's kernel along time.
        stem_pool: Whether the stem ends in a max pooling over space.
        time_pool: Whether a max pooling halves the frames after the first stage.
        factorised: Whether the blocks are those of R(2+1)D.
        strides: Strides of the first block of each stage.
        depths: Blocks of each stage.
        width: Channels of the stem.
        num_classes: Classes.
        train_size: Height and width of the clips that it is trained on, which set the window of
            the pooling in the head.
    """
    shape = strided(clip, (1, 4, 4) if stem_pool else (1, 2, 2))
    parts = [
        part(
            "stem",
            "convolution.ConvStem",
            {"x": (*clip, 3)},
            in_features=3,
            out_features=width,
            kernel_size=(stem_kernel, 7, 7),
            pool=stem_pool,
        )
    ]
    layer = "factorised.R2Plus1DBottleneck" if factorised else "convolution.Bottleneck"
    stages = bottlenecks(depths, temporal_kernels, strides, width, width)
    for stage, blocks in enumerate(stages):
        options = tuple(map(factorised_options, blocks)) if factorised else blocks
        added, shape = stage_parts(f"res{stage + 2}", layer, options, shape)
        parts += added
        if time_pool and stage == 0:
            pooled = {"x": (*shape, blocks[-1]["out_features"])}
            pool: dict[str, Any] = {"window": (2, 1, 1), "strides": (2, 1, 1)}
            parts.append(part("pool", "convolution.MaxPool3D", pooled, **pool))
            shape = (shape[0] // 2, *shape[1:])
    features = stages[-1][-1]["out_features"]
    window = (shape[0], *(min(train_size // 32, size) for size in shape[1:]))
    parts.append(
        part(
            "head",
            "head.PoolingHead",
            {"x": (*shape, features)},
            in_features=features,
            num_classes=num_classes,
            window=window,
        )
    )
    return Model(
        model="BottleneckResNet3D",
        name=name,
        clip=clip,
        inputs={"x": Input((*clip, 3))},
        options={
            "temporal_kernels": temporal_kernels,
            "stem_kernel": stem_kernel,
            "stem_pool": stem_pool,
            "time_pool": time_pool,
            "factorised": factorised,
            "strides": strides,
            "depths": depths,
            "width": width,
            "num_classes": num_classes,
            "window": window,
        },
        parts=tuple(parts),
        source=source,
        published=published,
    )


def with_norms(
    figure: str, source: str, each: int, normalised: str = "", ours: str = ""
) -> Published:
    """A published figure that counts batch normalisation, as fvcore and its like do.

    Most of PyTorchVideo's zoo was counted by fvcore as it stood in spring 2021, with 5 for each
    number that is normalised; a few models of it, without. MMAction2 counts 2, as fvcore does now.

    Args:
        figure: As printed.
        source: File.
        each: What is counted for each number that is normalised.
        normalised: How many there are, where they are more than half a percent of the figure.
        ours: What is left.
    """
    convention = f"also counts {each} for each number that is normalised; one view of 256 pixels"
    if not normalised:
        return Published("macs", figure, source, convention=convention, tolerance=0.005)
    rest = f"{each} for each of the {normalised} numbers that batch normalisations read"
    unmet = f"{ours} are convolutions and the classifier; the rest is {rest}"
    return Published("macs", figure, source, convention=convention, unmet=unmet)


MODELS = (
    bottleneck3d("c2d_r50", (8, 224, 224), Published("parameters", "24.33 M", ZOO), **C2D),
    bottleneck3d(
        "c2d_r50-8x256", (8, 256, 256), with_norms("25.89 G", ZOO, 5, "85.3 M", "25.463 G"), **C2D
    ),
    bottleneck3d("i3d_r50", (8, 224, 224), Published("parameters", "28.04 M", ZOO), **I3D),
    bottleneck3d(
        "i3d_r50-8x256", (8, 256, 256), with_norms("37.53 G", ZOO, 5, "85.3 M", "37.106 G"), **I3D
    ),
    bottleneck3d("slow_r50", (8, 224, 224), Published("parameters", "32.45 M", ZOO)),
    bottleneck3d(
        "slow_r50-8x256",
        (8, 256, 256),
        Published("macs", "54.52 G", ZOO),
        with_norms("54.75 G", MMACTION, 2),
    ),
    bottleneck3d(
        "slow_r50-4x256",
        (4, 256, 256),
        with_norms("27.55 G", ZOO, 5, "58.1 M", "27.262 G"),
        with_norms("27.38 G", MMACTION, 2),
    ),
    bottleneck3d(
        "r2plus1d_r50", (16, 224, 224), Published("parameters", "28.11 M", ZOO), **R2PLUS1D
    ),
    bottleneck3d(
        "r2plus1d_r50-16x256",
        (16, 256, 256),
        with_norms("76.45 G", ZOO, 5, "260.4 M", "75.148 G"),
        **R2PLUS1D,
    ),
)
