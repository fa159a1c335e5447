"""VideoMAE while it is pre-trained: an encoder on a tenth of a clip, a narrow decoder on the rest.

VideoMAE V2 lets the decoder guess only half of the tubelets.
"""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

SOURCE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_pretrain.py"
V2 = "Wang et al. 2023, arXiv:2303.16727; OpenGVLab/VideoMAEv2 models/modeling_pretrain.py"
ABLATION = "Wang et al. 2023, arXiv:2303.16727, comparison of decoder masking"

FVCORE = "fvcore, which also counts 5 for each element that a LayerNorm normalises"
COUNTED = "counted from the class: 15.9 G encoder, 19.5 G decoder"
TUBELET = (2, 16, 16)
PIXELS = 3 * 2 * 16 * 16
Clip = tuple[int, int, int]


@resizable
def videomae(
    model: str,
    *published: Published,
    width: int,
    depth: int,
    heads: int,
    decoder_width: int,
    decoder_heads: int,
    decoder_depth: int,
    clip: Clip = (16, 224, 224),
    mask_ratio: float = 0.9,
    guessed: float = 1.0,
    source: str = SOURCE,
) -> Model:
    """Compose a VideoMAE with its decoder.

    Args:
        model: Its name.
        published: Figures to hold it against.
        width: Channels of the encoder.
        depth: Blocks of the encoder.
        heads: Heads of the encoder.
        decoder_width: Channels of the decoder.
        decoder_heads: Heads of the decoder.
        decoder_depth: Blocks of the decoder.
        clip: Frames, height and width.
        mask_ratio: Share of each frame's places that is hidden throughout the clip.
        guessed: Share of all tubelets that the decoder guesses, at most all hidden ones.
        source: Paper or file.
    """
    frames, places = clip[0] // 2, (clip[1] // 16) * (clip[2] // 16)
    tokens = frames * places
    masked = frames * int(mask_ratio * places)
    kept, hidden = tokens - masked, min(masked, int(guessed * tokens))
    inputs = {
        "x": Input((*clip, 3)),
        "visible": Input((kept,), values="index", below=tokens),
        "hidden": Input((hidden,), values="index", below=tokens),
    }
    seen, full = (kept, width), (kept + hidden, decoder_width)
    shared: dict[str, Any] = {"tokens": tokens}
    parts = (
        part("embed", "masked.VisibleEmbedding", {"x": inputs["x"], "visible": inputs["visible"]},
             in_features=3, out_features=width, kernel_size=TUBELET, **shared),
        part("encoder", "masked.JointAttentionBlock", {"x": seen}, count=depth,
             in_features=width, num_heads=heads, mlp_dim=4 * width),
        part("mask-tokens", "masked.MaskTokens",
             {"x": seen, "visible": inputs["visible"], "hidden": inputs["hidden"]},
             in_features=width, out_features=decoder_width, **shared),
        part("decoder", "masked.JointAttentionBlock", {"x": full}, count=decoder_depth,
             in_features=decoder_width, num_heads=decoder_heads, mlp_dim=4 * decoder_width),
        part("head", "masked.PixelHead", {"x": full}, in_features=decoder_width,
             out_features=PIXELS, hidden=hidden),
    )  # fmt: skip
    options = {
        "in_features": 3, "width": width, "depth": depth, "num_heads": heads,
        "decoder_width": decoder_width, "decoder_depth": decoder_depth,
        "decoder_heads": decoder_heads, "tokens": tokens, "hidden": hidden, "pixels": PIXELS,
        "kernel_size": TUBELET,
    }  # fmt: skip
    return Model("MaskedAutoencoder", model, clip, inputs, options, parts, source, published)


B: dict[str, Any] = {
    "width": 768, "depth": 12, "heads": 12,
    "decoder_width": 384, "decoder_heads": 6, "decoder_depth": 4,
}  # fmt: skip
L: dict[str, Any] = {
    "width": 1024, "depth": 24, "heads": 16,
    "decoder_width": 512, "decoder_heads": 8, "decoder_depth": 12,
}  # fmt: skip


def _file(figure: str, size: str, name: str) -> Published:
    return Published("parameters", figure, f"Hugging Face MCG-NJU/{name} model.safetensors",
                     f"{size} of float32", 0.005)  # fmt: skip


def _all(figure: str) -> Published:
    return Published("macs", figure, ABLATION, FVCORE, 0.005)


MODELS = (
    videomae("videomae-b-pretrain", _file("94.2 M", "377 MB", "videomae-base"),
             Published("macs", "35.4 G", SOURCE, COUNTED), _all("35.48 G"), **B),
    videomae("videomae-l-pretrain", _file("342.5 M", "1.37 GB", "videomae-large"), **L),
    videomae("videomae-v2-b-pretrain", _all("25.87 G"), guessed=0.5, source=V2, **B),
)  # fmt: skip
