"""The Cosmos continuous video tokenizer: 1 + 8n frames to 1 + n frames of latent code."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from reelbench.catalogue.models.chain import Clip, chain, grow, shrink
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "NVIDIA 2025, arXiv:2501.03575"
DIFFUSERS = "diffusers models/autoencoders/autoencoder_kl_cosmos.py, AutoencoderKLCosmos"
BLOCK = "tokenizer.CosmosResidualBlock"


@resizable
def cosmos_tokenizer(
    name: str,
    clip: Clip,
    *published: Published,
    encoder_widths: tuple[int, ...] = (128, 256, 512, 512),
    decoder_widths: tuple[int, ...] = (256, 512, 512, 512),
    latent_features: int = 16,
    down: tuple[bool, ...] = (True, False),
    up: tuple[bool, ...] = (False, True),
    blocks: int = 2,
    patch: int = 4,
    assumed: bool = False,
) -> Model:
    """Compose a Cosmos tokenizer, encoder and decoder.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        encoder_widths: Channels after the encoder's stem and of each of its levels.
        decoder_widths: Channels of each of the decoder's levels and before its first one, last
            level first.
        latent_features: Channels of the latent code.
        down: For each level of the encoder but the last, whether it halves frames, height and
            width.
        up: For each level of the decoder but the last, whether it doubles them.
        blocks: Residual blocks of a level; the decoder has one more.
        patch: Length of the wavelet patches along each axis.
        assumed: Whether the clip is an assumption.
    """
    bands = 3 * patch**3
    shape = shrink(clip, (patch, patch, patch))
    parts = [_ends("encoder.stem", "CosmosConv3D", shape, bands, encoder_widths[0])]
    for level, (before, width) in enumerate(itertools.pairwise(encoder_widths)):
        place = f"encoder.level{level}"
        parts += chain(f"{place}.block", BLOCK, shape, [before] + blocks * [width])
        if level < len(down) and down[level]:
            parts.append(_one(f"{place}.down", "CosmosDownsample", shape, width))
            shape = shrink(shape, (2, 2, 2))
    parts += _middle("encoder.middle", shape, encoder_widths[-1])
    parts.append(_ends("encoder.head", "CosmosHead", shape, encoder_widths[-1], latent_features))
    parts.append(_point("encoder.code", shape, latent_features))

    widths = decoder_widths[::-1]
    parts.append(_point("decoder.code", shape, latent_features))
    parts.append(_ends("decoder.stem", "CosmosConv3D", shape, latent_features, widths[0]))
    parts += _middle("decoder.middle", shape, widths[0])
    for level, (before, width) in enumerate(itertools.pairwise(widths)):
        place = f"decoder.level{level}"
        parts += chain(f"{place}.block", BLOCK, shape, [before] + (blocks + 1) * [width])
        if level < len(up) and up[level]:
            parts.append(_one(f"{place}.up", "CosmosUpsample", shape, width))
            shape = grow(shape, (2, 2, 2))
    parts.append(_ends("decoder.head", "CosmosHead", shape, widths[-1], bands))
    return Model(
        "CosmosTokenizer",
        name,
        clip,
        {"clip": Input((*clip, 3))},
        {
            "encoder_widths": encoder_widths,
            "decoder_widths": decoder_widths,
            "latent_features": latent_features,
            "down": down,
            "up": up,
            "blocks": blocks,
            "patch": patch,
        },
        tuple(parts),
        source=f"{PAPER}; {DIFFUSERS}",
        published=published,
        assumed=assumed,
    )


def _middle(place: str, shape: Clip, features: int) -> list[Part]:
    return [
        *chain(f"{place}.block", BLOCK, shape, 3 * [features]),
        _one(f"{place}.attention", "CosmosAttention", shape, features),
    ]


def _one(name: str, layer: str, shape: Clip, features: int) -> Part:
    return part(name, f"tokenizer.{layer}", {"x": (*shape, features)}, features=features)


def _ends(name: str, layer: str, shape: Clip, in_features: int, out_features: int) -> Part:
    sizes: Mapping[str, Any] = {"in_features": in_features, "out_features": out_features}
    return part(name, f"tokenizer.{layer}", {"x": (*shape, in_features)}, **sizes)


def _point(name: str, shape: Clip, features: int) -> Part:
    sizes: Mapping[str, Any] = {"in_features": features, "out_features": features}
    x = {"x": (*shape, features)}
    return part(name, "causal.CausalConv3D", x, kernel_size=(1, 1, 1), **sizes)


FIGURES = (Published("parameters", "105,653,696", DIFFUSERS),)

# The clip that Cosmos' diffusion models generate, and a crop that one machine can train on.
MODELS = (
    cosmos_tokenizer("cosmos-tokenizer-cv8x8x8", (121, 704, 1280), *FIGURES),
    cosmos_tokenizer("cosmos-tokenizer-cv8x8x8-17x256", (17, 256, 256), *FIGURES, assumed=True),
)
