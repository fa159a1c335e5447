"""Multiscale Vision Transformers: attention over fewer and wider tokens from stage to stage."""

from __future__ import annotations

import itertools
import math
from typing import Any

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

TORCHVISION = "torchvision models/video/mvit.py"
ZOO = "facebookresearch/pytorchvideo docs/source/model_zoo.md"
FVCORE = "fvcore, which counts 5 operations for each element of a LayerNorm"
V2 = "Li et al. 2022, arXiv:2112.01526; facebookresearch/SlowFast projects/mvitv2/README.md"
Size = tuple[int, int, int]


@resizable
def mvit(
    name: str,
    version: int,
    depths: tuple[int, ...],
    *published: Published,
    clip: Size = (16, 224, 224),
    width: int = 96,
    heads: int = 1,
    classes: int = 400,
    source: str = TORCHVISION,
) -> Model:
    """Compose a model.

    Args:
        name: Its name.
        version: 1 or 2.
        depths: Blocks of each stage.
        published: Figures to hold the counts against.
        clip: Frames, height and width.
        width: Channels of the first stage; they double from stage to stage.
        heads: Heads of the first stage; they double too.
        classes: Classes.
        source: Paper or file.
    """
    size = _pooled(clip, (3, 7, 7), (2, 4, 4))
    blocks = _blocks(version, depths, size, width, heads)
    stem: dict[str, Any] = {"in_features": 3, "out_features": width}
    if version == 1:
        stem["positions"] = size
    last = blocks[-1].get("out_features", blocks[-1]["in_features"])
    end = _shorter(blocks[-1]["input_size"], blocks[-1].get("stride_q", (1, 1, 1)))
    parts = (
        part("stem", "pooled.MultiscaleEmbedding", {"x": (*clip, 3)}, **stem),
        *_parts(blocks),
        part("head", "pooled.ClassTokenHead", {"x": (1 + math.prod(end), last)},
             in_features=last, num_classes=classes),
    )  # fmt: skip
    options = {"stem": stem, "blocks": blocks, "num_classes": classes}
    inputs = {"x": Input((*clip, 3))}
    return Model("MViT", name, clip, inputs, options, parts, source, published)


def _blocks(
    version: int, depths: tuple[int, ...], size: Size, width: int, heads: int
) -> tuple[dict[str, Any], ...]:
    """Options of every block.

    The first block of each stage but the first pools its queries by two; keys and values are
    pooled to the same size in all stages. MViTv2 widens in the attention of a stage's first block,
    MViTv1 in the MLP of the last block before.
    """
    firsts = set(itertools.accumulate(depths))
    stride_kv, features = 8, width
    blocks = []
    for number in range(sum(depths)):
        first = number in firsts
        if first:
            heads, stride_kv = 2 * heads, max(stride_kv // 2, 1)
        wider = first if version == 2 else number + 1 in firsts and number + 1 < sum(depths)
        block: dict[str, Any] = {"in_features": features, "num_heads": heads, "input_size": size}
        if wider:
            block["out_features"] = features = 2 * features
        if first:
            block["stride_q"] = (1, 2, 2)
        if version == 1:
            block |= {"relative_positions": False, "residual_pooling": False,
                      "expand_in_attention": False}  # fmt: skip
            if not first:
                block["kernel_q"] = (1, 1, 1)
        block["stride_kv"] = (1, stride_kv, stride_kv)
        blocks.append(block)
        size = _shorter(size, block.get("stride_q", (1, 1, 1)))
    return tuple(blocks)


def _parts(blocks: tuple[dict[str, Any], ...]) -> list[Part]:
    """The blocks in their order, equal neighbours as one part."""
    parts, number = [], 0
    for options, equal in itertools.groupby(blocks):
        count = len(list(equal))
        name = f"block{number}" if count == 1 else f"blocks{number}-{number + count - 1}"
        tokens = (1 + math.prod(options["input_size"]), options["in_features"])
        parts.append(
            part(name, "pooled.PooledAttentionBlock", {"x": tokens}, count=count, **options)
        )
        number += count
    return parts


def _shorter(size: Size, strides: Size) -> Size:
    """Positions that pooling of kernel 3 leaves."""
    return _pooled(size, (3, 3, 3), strides)


def _pooled(size: Size, kernel: Size, strides: Size) -> Size:
    t, h, w = (
        (n + 2 * (k // 2) - k) // s + 1 for n, k, s in zip(size, kernel, strides, strict=True)
    )
    return t, h, w


def _torchvision(parameters: str, ops: str, weights: str) -> tuple[Published, Published]:
    source = f"{TORCHVISION} {weights}"
    return Published("parameters", parameters, source), Published("macs", ops, source)


def _zoo(parameters: str, macs: str) -> tuple[Published, Published]:
    return (
        Published("parameters", parameters, ZOO),
        Published("macs", macs, ZOO, tolerance=0.005, convention=FVCORE),
    )


def _v2(parameters: str, macs: str) -> tuple[Published, Published]:
    return (
        Published("parameters", parameters, V2),
        Published("macs", macs, V2, tolerance=0.005, convention=FVCORE),
    )


V1_B, V2_S, V2_B, V2_L = (1, 2, 11, 2), (1, 2, 11, 2), (2, 3, 16, 3), (2, 6, 36, 4)

MODELS = (
    mvit("mvit_v1_b", 1, V1_B,
         *_torchvision("36,610,672", "70.599 G", "MViT_V1_B_Weights"), *_zoo("36.61 M", "70.80 G")),
    mvit("mvit-b-32x3", 1, V1_B, *_zoo("36.61 M", "170.37 G"), clip=(32, 224, 224), source=ZOO),
    mvit("mvit_v2_s", 2, V2_S,
         *_torchvision("34,537,744", "64.224 G", "MViT_V2_S_Weights"), *_v2("34.5 M", "64 G")),
    mvit("mvitv2-b", 2, V2_B, *_v2("51.2 M", "225 G"), clip=(32, 224, 224), source=V2),
    # On Something-Something: the 217.6 M parameters that the table gives for Kinetics-400 are
    # 4.2 M more than this network has with its 400 classes.
    mvit("mvitv2-l-ssv2", 2, V2_L, *_v2("213.1 M", "2828 G"), clip=(40, 312, 312), width=144,
         heads=2, classes=174, source=V2),
)  # fmt: skip
