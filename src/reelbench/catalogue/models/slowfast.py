"""SlowFast: two residual pathways, one over few frames and one, far narrower, over many.

After the stem and after each stage but the last, the fast pathway's channels are brought to the
frames of the slow one and appended to its channels. Names and figures are as in `bottleneck3d`.
"""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.bottleneck3d import (
    DEPTHS,
    STRIDES,
    ZOO,
    Block,
    Shape,
    bottlenecks,
    stage_parts,
    strided,
    with_norms,
)
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "Feichtenhofer et al. 2019, arXiv:1812.03982"
SOURCE = f"{PAPER}; PyTorchVideo models/slowfast.py"
MMACTION = "MMAction2 configs/recognition/slowfast/README.md"

# Kernel lengths along time, as in `bottleneck3d`.
SLOW = ((1,), (1,), (3,), (3,))
FAST = ((3,),) * 4
# In the variant 101-50-50 only the first six of the third stage's 23 blocks see other frames.
SIX_OF_23 = (3,) * 6 + (1,) * 17

R50_4X16: dict[str, Any] = {"slow_frames": 4, "lateral_kernel": 5}
R101: dict[str, Any] = {"depths": DEPTHS[101], "lateral_kernel": 5}
R101_50_50: dict[str, Any] = {
    **R101,
    "slow_frames": 16,
    "fast_frames": 64,
    "slow_kernels": (*SLOW[:2], SIX_OF_23, SLOW[3]),
    "fast_kernels": (*FAST[:2], SIX_OF_23, FAST[3]),
}

# facebookresearch/SlowFast configs/Kinetics/SLOWFAST_8x8_R50.yaml.
OPTIMIZER = "sgd"


def pathways(
    depths: tuple[int, ...],
    slow_kernels: tuple[tuple[int, ...], ...],
    fast_kernels: tuple[tuple[int, ...], ...],
    width: int,
    fast_share: int,
    lateral_ratio: int,
) -> tuple[tuple[tuple[Block, ...], ...], tuple[tuple[Block, ...], ...]]:
    """The options of every block of the slow and of the fast pathway, by stage.

    Args:
        depths: Blocks of each stage.
        slow_kernels: Kernel lengths along time of a stage's blocks in the slow pathway.
        fast_kernels: The same in the fast pathway.
        width: Channels of the slow stem.
        fast_share: Channels of the slow pathway for each channel of the fast one.
        lateral_ratio: Channels that a lateral connection makes of each channel of the fast pathway.
    """
    share = fast_share // lateral_ratio
    slow = bottlenecks(depths, slow_kernels, STRIDES, width, width, lateral_share=share)
    narrow = width // fast_share
    return slow, bottlenecks(depths, fast_kernels, STRIDES, narrow, narrow)


@resizable
def slowfast(
    name: str,
    size: int,
    *published: Published,
    slow_frames: int = 8,
    fast_frames: int = 32,
    depths: tuple[int, ...] = DEPTHS[50],
    slow_kernels: tuple[tuple[int, ...], ...] = SLOW,
    fast_kernels: tuple[tuple[int, ...], ...] = FAST,
    lateral_kernel: int = 7,
    width: int = 64,
    fast_share: int = 8,
    lateral_ratio: int = 2,
    num_classes: int = 400,
    train_size: int = 224,
) -> Model:
    """Compose a SlowFast network.

    Args:
        name: Its name.
        size: Height and width of its clip.
        published: Figures to hold it against.
        slow_frames: Frames of the slow pathway's clip.
        fast_frames: Frames of the fast pathway's clip.
        depths: Blocks of each stage.
        slow_kernels: Kernel lengths along time of a stage's blocks in the slow pathway.
        fast_kernels: The same in the fast pathway.
        lateral_kernel: Length of the lateral connections' kernel.
        width: Channels of the slow stem.
        fast_share: Channels of the slow pathway for each channel of the fast one.
        lateral_ratio: Channels that a lateral connection makes of each channel of the fast pathway.
        num_classes: Classes.
        train_size: Height and width of the clips that it is trained on, which set the window of
            the pooling in the head.
    """
    narrow, stride = width // fast_share, fast_frames // slow_frames
    clips = (slow_frames, size, size), (fast_frames, size, size)
    slow, fast = pathways(depths, slow_kernels, fast_kernels, width, fast_share, lateral_ratio)
    parts = [_stem("slow", clips[0], width, 1), _stem("fast", clips[1], narrow, 5)]
    slow_shape, fast_shape = (strided(clip, (1, 4, 4)) for clip in clips)
    features = width
    for stage, (slow_blocks, fast_blocks) in enumerate(zip(slow, fast, strict=True)):
        lateral: dict[str, Any] = {
            "in_features": features // fast_share,
            "out_features": lateral_ratio * features // fast_share,
            "temporal_kernel": lateral_kernel,
            "temporal_stride": stride,
        }
        inputs = {"slow": (*slow_shape, features), "fast": (*fast_shape, features // fast_share)}
        parts.append(part(f"lateral{stage + 1}", "convolution.LateralFusion", inputs, **lateral))
        layer, label = "convolution.Bottleneck", f"res{stage + 2}"
        added, slow_shape = stage_parts(f"slow.{label}", layer, slow_blocks, slow_shape)
        parts += added
        added, fast_shape = stage_parts(f"fast.{label}", layer, fast_blocks, fast_shape)
        parts += added
        features = slow_blocks[-1]["out_features"]
    window = [min(train_size // 32, size) for size in slow_shape[1:]]
    head: dict[str, Any] = {
        "slow_features": features,
        "fast_features": features // fast_share,
        "num_classes": num_classes,
        "slow_window": (slow_frames, *window),
        "fast_window": (fast_frames, *window),
    }
    inputs = {"slow": (*slow_shape, features), "fast": (*fast_shape, features // fast_share)}
    parts.append(part("head", "head.SlowFastHead", inputs, **head))
    return Model(
        model="SlowFast",
        name=name,
        clip=clips[1],
        inputs={"slow": Input((*clips[0], 3)), "fast": Input((*clips[1], 3))},
        options={
            "depths": depths,
            "slow_kernels": slow_kernels,
            "fast_kernels": fast_kernels,
            "lateral_kernel": lateral_kernel,
            "lateral_stride": stride,
            "width": width,
            "fast_share": fast_share,
            "lateral_ratio": lateral_ratio,
            "num_classes": num_classes,
            "slow_window": head["slow_window"],
            "fast_window": head["fast_window"],
        },
        parts=tuple(parts),
        source=SOURCE,
        published=published,
    )


def _stem(pathway: str, clip: Shape, features: int, kernel: int) -> Part:
    return part(
        f"{pathway}.stem",
        "convolution.ConvStem",
        {"x": (*clip, 3)},
        in_features=3,
        out_features=features,
        kernel_size=(kernel, 7, 7),
        pool=True,
    )


MODELS = (
    slowfast("slowfast_r50", 224, Published("parameters", "34.57 M", ZOO)),
    slowfast(
        "slowfast_r50-32x256",
        256,
        Published("macs", "65.71 G", ZOO),
        with_norms("66.1 G", MMACTION, 2, "178.4 M", "65.712 G"),
    ),
    slowfast("slowfast_4x16_r50", 224, Published("parameters", "34.48 M", ZOO), **R50_4X16),
    slowfast(
        "slowfast_4x16_r50-32x256",
        256,
        with_norms("36.69 G", ZOO, 5, "118.2 M", "36.102 G"),
        with_norms("36.3 G", MMACTION, 2),
        **R50_4X16,
    ),
    slowfast("slowfast_r101", 224, Published("parameters", "62.83 M", ZOO), **R101),
    slowfast(
        "slowfast_r101-32x256",
        256,
        with_norms("127.20 G", ZOO, 5, "258.6 M", "125.908 G"),
        with_norms("126 G", MMACTION, 2),
        **R101,
    ),
    slowfast(
        "slowfast_16x8_r101_50_50-64x256",
        256,
        Published("parameters", "53.77 M", ZOO),
        with_norms("215.61 G", ZOO, 5, "517.2 M", "213.024 G"),
        **R101_50_50,
    ),
)
