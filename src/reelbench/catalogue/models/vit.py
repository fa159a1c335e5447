"""Plain video Vision Transformers: VideoMAE's classifiers and the four ViViT models."""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_finetune.py"
VIVIT = "Arnab et al. 2021, arXiv:2103.15691; scenic projects/vivit/model.py"
VIVIT_ABLATION = "Arnab et al. 2021, arXiv:2103.15691, comparison of the four models"
VIVIT_RESULTS = "Arnab et al. 2021, arXiv:2103.15691, comparison with other work"
ZOO = "open-mmlab/mmaction2 configs/recognition/videomae/README.md"

FVCORE = "fvcore, which also counts 5 for each element that a LayerNorm normalises"
CLASSES = "with a head of 1,000 classes, the default of the class; ours has 400"
XLA = "fits XLA's count halved, in which softmax, GELU and norms count too"
SOFTMAX = (
    "1 % above our matrix products; fits XLA's count halved, in which the softmax of {logits} G "
    "logits counts 4 FLOPs each ({macs} G halved), and GELU and norms the rest"
)
ROUNDED = "rounded down"

TUBELET = (2, 16, 16)
Clip = tuple[int, int, int]


def grid_of(clip: Clip, tubelet: Clip = TUBELET) -> tuple[int, int, int]:
    """Whole tubelets along time, height and width."""
    (t, h, w), (dt, dh, dw) = clip, tubelet
    return t // dt, h // dh, w // dw


@resizable
def vit(
    model: str,
    *published: Published,
    clip: Clip,
    width: int,
    depth: int,
    heads: int,
    source: str,
    style: str,
    classes: int = 400,
) -> Model:
    """Compose a transformer whose tokens all see each other.

    Args:
        model: Its name.
        published: Figures to hold it against.
        clip: Frames, height and width.
        width: Channels of a token.
        depth: Blocks.
        heads: Heads of each.
        source: Paper or file.
        style: ``videomae`` (sines and cosines, mean of tokens, no bias of keys) or ``vivit``
            (learned positions, class token, GELU by tanh).
        classes: Classes.
    """
    frames, height, columns = grid_of(clip)
    tokens = frames * height * columns
    token_first = style == "vivit"
    embed: dict[str, Any] = {
        "tokens": tokens,
        "kernel_size": TUBELET,
        "positions": "learned" if token_first else "sinusoid",
        "class_token": token_first,
    }
    block: dict[str, Any] = {"num_heads": heads, "mlp_dim": 4 * width}
    block |= {"qkv_bias": True, "gelu": "tanh"} if token_first else {"qkv_bias": "qv"}
    sequence = (tokens + token_first, width)
    pool = "first" if token_first else "mean"
    parts = (
        part("embed", "embedding.ClipEmbedding", {"x": (*clip, 3)}, in_features=3,
             out_features=width, **embed),
        part("blocks", "attention.JointAttentionBlock", {"x": sequence}, count=depth,
             in_features=width, **block),
        part("head", "attention.ClassifierHead", {"x": sequence}, in_features=width,
             num_classes=classes, pool=pool),
    )  # fmt: skip
    options = {
        "in_features": 3, "width": width, "depth": depth, "num_classes": classes, "pool": pool,
    } | embed | block  # fmt: skip
    inputs = {"x": Input((*clip, 3))}
    return Model("VisionTransformer", model, clip, inputs, options, parts, source, published)


@resizable
def vivit_encoders(
    model: str,
    *published: Published,
    clip: Clip,
    width: int,
    depths: tuple[int, int],
    heads: int,
    classes: int = 400,
) -> Model:
    """Compose ViViT's factorised encoder of so many spatial and temporal blocks."""
    frames, height, columns = grid_of(clip)
    places = height * columns
    block: dict[str, Any] = {"num_heads": heads, "mlp_dim": 4 * width}
    space, time = (frames, 1 + places, width), (1 + frames, width)
    parts = (
        part("embed", "embedding.FrameEmbedding", {"x": (*clip, 3)}, in_features=3,
             out_features=width, places=places, kernel_size=TUBELET),
        part("space", "attention.FrameAttentionBlock", {"x": space}, count=depths[0],
             in_features=width, gelu="tanh", **block),
        part("summary", "embedding.FrameSummary", {"x": space}, in_features=width,
             num_frames=frames),
        part("time", "attention.JointAttentionBlock", {"x": time}, count=depths[1],
             in_features=width, qkv_bias=True, gelu="tanh", **block),
        part("head", "attention.ClassifierHead", {"x": time}, in_features=width,
             num_classes=classes),
    )  # fmt: skip
    options = {
        "in_features": 3, "width": width, "depths": depths, "num_frames": frames,
        "places": places, "kernel_size": TUBELET, "num_classes": classes, **block,
    }  # fmt: skip
    inputs = {"x": Input((*clip, 3))}
    return Model("FactorisedEncoder", model, clip, inputs, options, parts, VIVIT, published)


@resizable
def vivit_blocks(
    model: str,
    *published: Published,
    clip: Clip,
    width: int,
    depth: int,
    heads: int,
    share: str,
    classes: int = 400,
) -> Model:
    """Compose a ViViT whose blocks are factorised, by ``layers`` or by ``heads``."""
    frames, height, columns = grid_of(clip)
    places = height * columns
    grid, tokens = (frames, places, width), frames * places
    block: dict[str, Any] = {"num_heads": heads, "mlp_dim": 4 * width}
    layer = {"layers": "FactorisedAttentionBlock", "heads": "FactorisedHeadsBlock"}[share]
    parts: tuple[Part, ...] = (
        part("embed", "embedding.ClipEmbedding", {"x": (*clip, 3)}, in_features=3,
             out_features=width, tokens=tokens, kernel_size=TUBELET, positions="learned"),
        part("blocks", f"divided.{layer}", {"x": grid}, count=depth, in_features=width, **block),
        part("head", "attention.ClassifierHead", {"x": (tokens, width)}, in_features=width,
             num_classes=classes, pool="mean-after-norm"),
    )  # fmt: skip
    options = {
        "in_features": 3, "width": width, "depth": depth, "num_frames": frames,
        "places": places, "kernel_size": TUBELET, "share": share, "num_classes": classes, **block,
    }  # fmt: skip
    inputs = {"x": Input((*clip, 3))}
    return Model("FactorisedTransformer", model, clip, inputs, options, parts, VIVIT, published)


def videomae(model: str, size: str, *published: Published, clip: Clip = (16, 224, 224)) -> Model:
    """Compose VideoMAE's classifier of a size."""
    width, depth, heads = SIZES[size]
    return vit(model, *published, clip=clip, width=width, depth=depth, heads=heads,
               source=VIDEOMAE, style="videomae")  # fmt: skip


def vivit(model: str, size: str, *published: Published, clip: Clip = (32, 224, 224)) -> Model:
    """Compose the ViViT of a size in which all tokens see each other."""
    width, depth, heads = SIZES[size]
    return vit(model, *published, clip=clip, width=width, depth=depth, heads=heads,
               source=VIVIT, style="vivit")  # fmt: skip


def _parameters(figure: str, source: str, convention: str = "") -> Published:
    tolerance = 0.005 if convention else 0.0
    return Published("parameters", figure, source, convention, tolerance)


def _macs(figure: str, source: str, convention: str = "", unmet: str = "") -> Published:
    tolerance = 0.005 if convention else 0.0
    return Published("macs", figure, source, convention, tolerance, unmet)


#          width depth heads
SIZES = {
    "s": (384, 12, 6),
    "b": (768, 12, 12),
    "l": (1024, 24, 16),
    "h": (1280, 32, 16),
}
BASE: dict[str, Any] = {"clip": (32, 224, 224), "width": 768, "depth": 12, "heads": 12}

MODELS = (
    videomae("videomae-s", "s", _parameters("22 M", VIDEOMAE), _macs("57 G", VIDEOMAE)),
    videomae("videomae-b", "b", _parameters("87 M", VIDEOMAE), _macs("180 G", VIDEOMAE)),
    videomae("videomae-l", "l", _parameters("305 M", VIDEOMAE, CLASSES), _macs("597 G", VIDEOMAE)),
    videomae("videomae-h", "h", _parameters("633 M", VIDEOMAE, CLASSES),
             _macs("1192 G", VIDEOMAE, FVCORE)),
    videomae("videomae-l-32x224", "l", _parameters("305 M", ZOO, CLASSES),
             _macs("1436 G", VIDEOMAE, FVCORE), clip=(32, 224, 224)),
    videomae("videomae-l-32x320", "l", _parameters("305 M", VIDEOMAE, CLASSES),
             _macs("3958 G", VIDEOMAE, FVCORE), clip=(32, 320, 320)),
    videomae("videomae-h-32x320", "h", _parameters("633 M", VIDEOMAE, CLASSES),
             _macs("7397 G", VIDEOMAE, FVCORE), clip=(32, 320, 320)),
    vivit("vivit-b", "b", _parameters("88.9 M", VIVIT_ABLATION, ROUNDED),
          _macs("455.2 G", VIVIT_ABLATION, unmet=SOFTMAX.format(logits=1.42, macs=2.8))),
    vivit_encoders("vivit-b-fe", _parameters("115.1 M", VIVIT_ABLATION),
                   _macs("284.4 G", VIVIT_ABLATION, XLA), clip=(32, 224, 224), width=768,
                   depths=(12, 4), heads=12),
    vivit_blocks("vivit-b-factorised", _parameters("117.3 M", VIVIT_ABLATION),
                 _macs("372.3 G", VIVIT_ABLATION, XLA), share="layers", **BASE),
    vivit_blocks("vivit-b-factorised-heads", _parameters("88.9 M", VIVIT_ABLATION, ROUNDED),
                 _macs("277.1 G", VIVIT_ABLATION, XLA), share="heads", **BASE),
    vivit("vivit-l", "l", _macs("1446 G", VIVIT_RESULTS,
                                unmet=SOFTMAX.format(logits=3.78, macs=7.6))),
    vivit("vivit-l-32x320", "l", _macs("3992 G", VIVIT_RESULTS,
                                       unmet=SOFTMAX.format(logits=15.7, macs=31.5)),
          clip=(32, 320, 320)),
    vivit_encoders("vivit-l-fe", _macs("3.98 T", VIVIT_RESULTS, f"{XLA}; 11.94 T for three crops"),
                   clip=(128, 224, 224), width=1024, depths=(24, 24), heads=16),
)  # fmt: skip
