"""MoViNet: depthwise convolutional models for mobile devices, found by architecture search.

Each size comes for whole clips (`base`) and for streams of frames (`stream`).
"""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

CODE = "tensorflow/models official/projects/movinet"
PAPER = "Kondratyuk et al. 2021, arXiv:2103.11511"
SOURCE = f"{PAPER}; {CODE}/modeling/movinet.py"
LITERT = "model card litert-community/MoViNet-A0-Stream-LiteRT"
README = f"{CODE}/README.md"

Kernel = tuple[int, int, int]
Block = tuple[int, Kernel]
Stage = tuple[int, int, tuple[Block, ...]]
Size = tuple[int, tuple[Stage, ...], tuple[int, int]]

K13, K15, K33, K53 = (1, 3, 3), (1, 5, 5), (3, 3, 3), (5, 3, 3)


def _stage(width: int, stride: int, middles: str, kernels: str) -> Stage:
    """A stage: its channels, the stride in space of its first block, and its blocks."""
    named = {"13": K13, "15": K15, "33": K33, "53": K53}
    each = zip(middles.split(), kernels.split(), strict=True)
    return width, stride, tuple((int(middle), named[kernel]) for middle, kernel in each)


# Channels of the stem; stages; channels of the head's average and before the classifier.
SIZES: dict[str, Size] = {
    "a0": (8, (
        _stage(8, 2, "24", "15"),
        _stage(32, 2, "80 80 80", "33 33 33"),
        _stage(56, 2, "184 112 184", "53 33 33"),
        _stage(56, 1, "184 184 184 184", "53 33 33 33"),
        _stage(104, 2, "384 280 280 344", "53 15 15 15"),
    ), (480, 2048)),
    "a1": (16, (
        _stage(16, 2, "40 40", "15 33"),
        _stage(40, 2, "96 120 96 96", "33 33 33 33"),
        _stage(64, 2, "216 128 216 168 216", "53 33 33 33 33"),
        _stage(64, 1, "216 216 216 128 128 216", "53 33 33 33 15 33"),
        _stage(136, 2, "456 360 360 360 456 456 544", "53 15 15 15 15 33 13"),
    ), (600, 2048)),
    "a2": (16, (
        _stage(16, 2, "40 40 64", "15 33 33"),
        _stage(40, 2, "96 120 96 96 120", "33 33 33 33 33"),
        _stage(72, 2, "240 160 240 192 240", "53 33 33 33 33"),
        _stage(72, 1, "240 240 240 240 144 240", "53 33 33 33 15 33"),
        _stage(144, 2, "480 384 384 480 480 480 576", "53 15 15 15 15 33 13"),
    ), (640, 2048)),
    "a3": (16, (
        _stage(16, 2, "40 40 64 40", "15 33 33 33"),
        _stage(48, 2, "112 144 112 112 144 144", "33 33 33 15 33 33"),
        _stage(80, 2, "240 152 240 192 240", "53 33 33 33 33"),
        _stage(88, 1, "264 264 264 264 160 264 264 264", "53 33 33 33 15 33 33 33"),
        _stage(168, 2, "560 448 448 560 560 560 448 448 560 672",
               "53 15 15 15 15 33 15 15 33 13"),
    ), (744, 2048)),
}  # fmt: skip


@resizable
def movinet(
    name: str,
    clip: tuple[int, int, int],
    size: Size,
    *published: Published,
    streams: bool = False,
    num_classes: int = 600,
) -> Model:
    """Compose a MoViNet.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        size: Channels and kernels of stem, stages and head.
        published: Figures to hold it against.
        streams: Whether it is the variant for streams, here run on a whole clip.
        num_classes: Classes.
    """
    stem, stages, (middle, last) = size
    frames, height, width = clip[0], -(-clip[1] // 2), -(-clip[2] // 2)
    parts = [
        part(
            "stem",
            "streaming.MovinetStem",
            {"x": (*clip, 3)},
            in_features=3,
            out_features=stem,
            streams=streams,
        )
    ]
    blocks: dict[str, tuple[Part, int]] = {}
    features = stem
    for stage, (out_features, stride, layers) in enumerate(stages):
        for index, (mid_features, kernel_size) in enumerate(layers):
            step = 1 if index else stride
            block = part(
                f"block{stage}_layer{index}",
                "streaming.MovinetStreamBlock" if streams else "streaming.MovinetBlock",
                {"x": (frames, height, width, features)},
                in_features=features,
                mid_features=mid_features,
                out_features=out_features,
                kernel_size=kernel_size,
                strides=(1, step, step),
            )
            first, count = blocks.get(block.preset.sizes, (block, 0))
            blocks[block.preset.sizes] = first, count + 1
            height, width, features = -(-height // step), -(-width // step), out_features
    parts += [
        Part(block.name, block.preset, count, copies=count) for block, count in blocks.values()
    ]
    head: dict[str, Any] = {"num_classes": num_classes}
    parts.append(
        part(
            "head",
            "streaming.MovinetHead",
            {"x": (frames, height, width, features)},
            in_features=features,
            mid_features=middle,
            head_features=last,
            streams=streams,
            **head,
        )
    )
    return Model(
        model="MovinetStream" if streams else "Movinet",
        name=name,
        clip=clip,
        inputs={"x": Input((*clip, 3))},
        options={
            "stem_features": stem,
            "stages": stages,
            "head_features": (middle, last),
            **head,
        },
        parts=tuple(parts),
        source=SOURCE,
        published=published,
    )


def _gflops(figure: str, reason: str) -> Published:
    """The README's figure for a video of the model's clip."""
    return Published("macs", figure, README, convention="GFLOPs a video, two digits", unmet=reason)


def _with_norms(ours: str, normalised: str, sum_: str) -> str:
    return (
        f"fits if normalisations count as one multiply-accumulate a value:"
        f" {ours} G of ours + {normalised} G = {sum_} G"
    )


STREAMING = (
    "the figure of the base model, which the README repeats for an architecture that its note of"
    " 2021-07-12 replaced by a cheaper one, factorised into space and time; we count"
)

A2 = (
    "the README's architecture gives 11.56 G at this clip; no way of counting was found that gives"
    " less, as the figures of the other sizes are above our counts"
)

# fmt: off
MODELS = (
    movinet("movinet-a0-base", (50, 172, 172), SIZES["a0"],
            Published("parameters", "3.1 M", PAPER),
            _gflops("2.7 G", _with_norms("2.631", "0.065", "2.695"))),
    movinet("movinet-a1-base", (50, 172, 172), SIZES["a1"],
            _gflops("6.0 G", _with_norms("5.866", "0.117", "5.982"))),
    movinet("movinet-a2-base", (50, 224, 224), SIZES["a2"], _gflops("10 G", A2)),
    movinet("movinet-a3-base", (120, 256, 256), SIZES["a3"],
            _gflops("57 G", _with_norms("55.59", "0.95", "56.54"))),
    movinet("movinet-a0-stream", (50, 172, 172), SIZES["a0"],
            Published("parameters", "3.75 M", LITERT), _gflops("2.7 G", f"{STREAMING} 2.426 G"),
            streams=True),
    movinet("movinet-a1-stream", (50, 172, 172), SIZES["a1"],
            _gflops("6.0 G", f"{STREAMING} 5.540 G"), streams=True),
    movinet("movinet-a2-stream", (50, 224, 224), SIZES["a2"],
            _gflops("10 G", f"{STREAMING} 10.70 G; see the base model"), streams=True),
)
# fmt: on
