"""TimeSformers: attention over time and space divided, joint, over space only, and axial."""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

SOURCE = "Bertasius et al. 2021, arXiv:2102.05095; TimeSformer timesformer/models/vit.py"
PAPER = "Bertasius et al. 2021, arXiv:2102.05095, comparison of attention schemes"
CROPS = "Bertasius et al. 2021, arXiv:2102.05095, comparison of efficiency"
ZOO = "open-mmlab/mmaction2 configs/recognition/timesformer/README.md"
TABLE = "Tong et al. 2022, arXiv:2203.12602, comparison on Kinetics-400"

THIRD = "a third of 0.59 T, printed for three crops"
SSV2 = "with a head of 174 classes (Something-Something V2)"
LAYERS = {
    "divided": "divided.DividedAttentionBlock",
    "joint": "attention.JointAttentionBlock",
    "space": "attention.FrameAttentionBlock",
    "axial": "axial.AxialAttentionBlock",
}
PATCH = 16
Clip = tuple[int, int, int]

# facebookresearch/TimeSformer configs/Kinetics/TimeSformer_divST_8x32_224.yaml.
OPTIMIZER = "sgd"


@resizable
def timesformer(
    model: str,
    *published: Published,
    clip: Clip = (8, 224, 224),
    attention: str = "divided",
    width: int = 768,
    depth: int = 12,
    heads: int = 12,
    classes: int = 400,
    assumed: bool = False,
) -> Model:
    """Compose a TimeSformer.

    Args:
        model: Its name.
        published: Figures to hold it against.
        clip: Frames, height and width.
        attention: ``divided``, ``joint``, ``space`` or ``axial``.
        width: Channels of a token.
        depth: Blocks.
        heads: Heads of each.
        classes: Classes.
        assumed: Whether any size is not published.
    """
    frames, height, columns = clip[0], clip[1] // PATCH, clip[2] // PATCH
    grid, places = (frames, height, columns), height * columns
    by_frame = attention == "space"
    shape = (frames, 1 + places, width) if by_frame else (1 + frames * places, width)
    sizes: dict[str, dict[str, Any]] = {
        "divided": {"num_frames": frames},
        "joint": {"qkv_bias": True},
        "space": {},
        "axial": {"grid": grid},
    }
    embed: dict[str, Any] = {"in_features": 3, "out_features": width, "places": places}
    clip_input = {"x": Input((*clip, 3))}
    if by_frame:
        first = part("embed", "embedding.FrameEmbedding", clip_input,
                     kernel_size=(1, PATCH, PATCH), **embed)  # fmt: skip
    else:
        first = part("embed", "embedding.DividedEmbedding", clip_input,
                     num_frames=frames, patch_size=PATCH, **embed)  # fmt: skip
    parts = (
        first,
        part("blocks", LAYERS[attention], {"x": shape}, count=depth, in_features=width,
             num_heads=heads, mlp_dim=4 * width, **sizes[attention]),
        part("head", "attention.ClassifierHead", {"x": shape[-2:]}, in_features=width,
             num_classes=classes),
    )  # fmt: skip
    options = {
        "in_features": 3, "width": width, "depth": depth, "num_heads": heads,
        "mlp_dim": 4 * width, "grid": grid, "patch_size": PATCH, "attention": attention,
        "num_classes": classes,
    }  # fmt: skip
    return Model("TimeSformer", model, clip, clip_input, options, parts, SOURCE, published, assumed)


def _parameters(figure: str, source: str, convention: str = "") -> Published:
    return Published("parameters", figure, source, convention, 0.005 if convention else 0.0)


def _macs(figure: str, source: str, convention: str = "", tolerance: float = 0.0) -> Published:
    return Published("macs", figure, source, convention, tolerance)


MODELS = (
    timesformer("timesformer", _parameters("121.4 M", PAPER, SSV2), _parameters("122 M", ZOO),
                _macs("196 G", ZOO), _macs("196.7 G", CROPS, THIRD, 0.005)),
    timesformer("timesformer-ssv2", _parameters("121.4 M", PAPER), classes=174),
    timesformer("timesformer-hr", _macs("1703 G", CROPS, "5.11 T for three crops"),
                clip=(16, 448, 448)),
    timesformer("timesformer-l", _parameters("121 M", TABLE, SSV2),
                _macs("2380 G", TABLE, "7.14 T for three crops in the paper"),
                clip=(96, 224, 224)),
    timesformer("timesformer-joint", _parameters("85.9 M", PAPER, SSV2),
                _parameters("86.11 M", ZOO), _macs("180 G", ZOO), attention="joint"),
    timesformer("timesformer-space", _parameters("85.9 M", PAPER, SSV2),
                _parameters("86.11 M", ZOO), _macs("141 G", ZOO), attention="space"),
    timesformer("timesformer-axial", _parameters("156.8 M", PAPER, SSV2), attention="axial",
                assumed=True),
    timesformer("timesformer-axial-ssv2", _parameters("156.8 M", PAPER), attention="axial",
                classes=174, assumed=True),
)  # fmt: skip
