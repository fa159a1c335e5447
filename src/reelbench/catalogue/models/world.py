"""World models: transformers that continue a clip from what was seen, said and done."""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

ONEX = "1x-technologies/1xgpt genie/st_mask_git.py, genie/configs/magvit_n32_h8_d256.json"
CARD = "huggingface.co/1x-technologies/{}, model card (safetensors)"
GENIE = "Bruce et al. 2024, arXiv:2402.15391, table 12; blocks as in 1x-technologies/1xgpt"
GAIA = "Hu et al. 2023, arXiv:2309.17080, sections 2.2 and 3"
GENIE_UNMET = (
    "what a layer is and the width of its MLP are not published: 24 blocks of two attentions and "
    "an MLP of four times the width (48 attentions) have 9.65 B, 48 of them 19.2 B; read so, the "
    "blocks have 92 to 98 % of the parameters of every row of table 10 and 95 % here, but 78 % of "
    "table 11's, which no formula joins with the rest: 28 layers of 22 heads are 1.6 B there, 34 "
    "of 20 heads, as wide, 2.3 B"
)


@resizable
def masked(
    name: str,
    width: int,
    depth: int,
    heads: int,
    *published: Published,
    source: str,
    clip: tuple[int, int, int],
    places: int,
    vocabulary: int = 512,
    digits: int = 2,
    actions: int = 0,
    assumed: bool = False,
    **block: Any,
) -> Model:
    """Compose a model of space-time blocks over masked tokens; ``block`` are options of them."""
    frames = clip[0]
    embedding: dict[str, Any] = {
        "vocabulary": vocabulary, "out_features": width, "digits": digits, "frames": frames,
        "places": places, "num_actions": actions,
    }  # fmt: skip
    block = {"in_features": width, "num_heads": heads, "mlp_dim": 4 * width, **block}
    tokens = {"tokens": Input((frames, places), values="index", below=vocabulary**digits + 1)}
    if actions:
        tokens["actions"] = Input((frames,), values="index", below=actions)
    x = {"x": (frames, places, width)}
    parts = (
        part("embedding", "spacetime.MaskedTokenEmbedding", tokens, **embedding),
        part("blocks", "spacetime.STBlock", x, count=depth, **block),
        part("logits", "spacetime.TokenLogits", x, in_features=width, vocabulary=vocabulary,
             digits=digits),
    )  # fmt: skip
    options = {"embedding": embedding, "block": block, "depth": depth}
    return Model("STMaskGIT", name, clip, tokens, options, parts, source, published, assumed)


@resizable
def driving(
    name: str,
    width: int,
    depth: int,
    heads: int,
    *published: Published,
    source: str,
    clip: tuple[int, int, int],
    image_tokens: int,
    vocabulary: int = 8192,
    text: tuple[int, int] = (32, 1024),
    actions: int = 2,
) -> Model:
    """Compose an autoregressive model; ``text`` are a frame's text tokens and their channels."""
    frames, text_tokens = clip[0], text[0]
    embedding: dict[str, Any] = {
        "vocabulary": vocabulary, "out_features": width, "frames": frames,
        "image_tokens": image_tokens, "text_tokens": text_tokens, "text_features": text[1],
        "actions": actions,
    }  # fmt: skip
    block: dict[str, Any] = {"in_features": width, "num_heads": heads, "mlp_dim": 4 * width}
    inputs = {
        "text": Input((frames, *text)),
        "image": Input((frames, image_tokens), values="index", below=vocabulary),
        "actions": Input((frames, actions)),
    }
    tokens = frames * (text_tokens + image_tokens + actions)
    parts = (
        part("embedding", "autoregressive.DrivingEmbedding", inputs, **embedding),
        part("blocks", "autoregressive.CausalBlock", {"x": (tokens, width)}, count=depth, **block),
        part("head", "autoregressive.NextTokenHead", {"x": (frames, image_tokens, width)},
             in_features=width, vocabulary=vocabulary),
    )  # fmt: skip
    options = {"embedding": embedding, "block": block, "depth": depth}
    return Model(
        "DrivingWorld", name, clip, inputs, options, parts, source, published, assumed=True
    )


ROBOT: dict[str, Any] = {"clip": (16, 256, 256), "places": 16 * 16}

MODELS = (
    masked("1x-genie-35m", 256, 32, 8,
           Published("parameters", "35.2 M", CARD.format("GENIE_35M")), source=ONEX, **ROBOT),
    # Its file has 550 MB in float32, which this width has with the same layers and heads.
    masked("1x-genie-138m", 512, 32, 8,
           Published("parameters", "138 M", CARD.format("GENIE_138M")),
           source=ONEX, assumed=True, **ROBOT),
    # 160×90 in patches of 4: rows of patches as in the preset genie-st.
    masked("genie", 5120, 24, 36,
           Published("parameters", "10.1 G", GENIE, unmet=GENIE_UNMET),
           source=GENIE, assumed=True, clip=(16, 90, 160), places=23 * 40, vocabulary=1024,
           digits=1, actions=8, head_dim=128, qk_norm=True),
    # Assumed: 32 blocks, which the published width and parameters need; heads of 128.
    driving("gaia-1", 4096, 32, 32,
            Published("parameters", "6.5 G", GAIA), source=GAIA, clip=(26, 288, 512),
            image_tokens=18 * 32),
)  # fmt: skip
