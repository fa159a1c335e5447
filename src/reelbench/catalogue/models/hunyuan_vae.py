"""The causal video autoencoder of HunyuanVideo: 1 + 4n frames to 1 + n frames of latent code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelbench.catalogue.models.chain import Clip, chain, grow, shrink
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "Kong et al. 2024, arXiv:2412.03603"
DIFFUSERS = (
    "diffusers models/autoencoders/autoencoder_kl_hunyuan_video.py, AutoencoderKLHunyuanVideo"
)


@resizable
def hunyuan_vae(
    name: str,
    clip: Clip,
    *published: Published,
    widths: tuple[int, ...] = (128, 256, 512, 512),
    latent_features: int = 16,
    blocks: int = 2,
    time: tuple[bool, ...] = (False, True, True),
    groups: int = 32,
) -> Model:
    """Compose a HunyuanVideo autoencoder, encoder and decoder.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        widths: Channels of each level.
        latent_features: Channels of the latent code.
        blocks: Residual blocks of a level; the decoder has one more.
        time: For each level but the last, whether the encoder halves its frames too.
        groups: Groups of channels that are normalised together.
    """
    block = "vae.HunyuanResidualBlock"
    shape = clip
    parts = [_conv("encoder.stem", shape, 3, widths[0])]
    before = widths[0]
    for level, width in enumerate(widths):
        place = f"encoder.level{level}"
        row = [before] + blocks * [width]
        parts += chain(f"{place}.block", block, shape, row, groups=groups)
        before = width
        if level < len(time):
            factors = (1 + time[level], 2, 2)
            halve = {"features": width, "strides": factors}
            parts.append(_one(f"{place}.down", "HunyuanDownsample", shape, width, halve))
            shape = shrink(shape, factors)
    parts += _middle("encoder.middle", shape, before, groups)
    ends = {"in_features": before, "out_features": 2 * latent_features, "groups": groups}
    parts.append(_one("encoder.head", "HunyuanHead", shape, before, ends))
    parts.append(_conv("encoder.moments", shape, 2 * latent_features, 2 * latent_features, 1))

    latent = shape
    parts.append(_conv("decoder.code", shape, latent_features, latent_features, 1))
    parts.append(_conv("decoder.stem", shape, latent_features, before))
    parts += _middle("decoder.middle", shape, before, groups)
    for level, width in enumerate(reversed(widths)):
        place = f"decoder.level{level}"
        row = [before] + (blocks + 1) * [width]
        parts += chain(f"{place}.block", block, shape, row, groups=groups)
        before = width
        if level < len(time):
            # At the encoder's places, not mirrored.
            factors = (1 + time[level], 2, 2)
            double = {"features": width, "factors": factors}
            parts.append(_one(f"{place}.up", "HunyuanUpsample", shape, width, double))
            shape = grow(shape, factors)
    ends = {"in_features": before, "out_features": 3, "groups": groups}
    parts.append(_one("decoder.head", "HunyuanHead", shape, before, ends))
    return Model(
        "HunyuanAutoencoder",
        name,
        clip,
        {"clip": Input((*clip, 3)), "noise": Input((*latent, latent_features))},
        {
            "widths": widths,
            "latent_features": latent_features,
            "blocks": blocks,
            "time": time,
            "groups": groups,
        },
        tuple(parts),
        source=f"{PAPER}; {DIFFUSERS}",
        published=published,
    )


def _middle(place: str, shape: Clip, features: int, groups: int) -> list[Part]:
    row = 3 * [features]
    attention = {"features": features, "groups": groups}
    return [
        *chain(f"{place}.block", "vae.HunyuanResidualBlock", shape, row, groups=groups),
        _one(f"{place}.attention", "HunyuanMiddleAttention", shape, features, attention),
    ]


def _conv(name: str, shape: Clip, in_features: int, out_features: int, kernel: int = 3) -> Part:
    return part(
        name,
        "causal.CausalConv3D",
        {"x": (*shape, in_features)},
        in_features=in_features,
        out_features=out_features,
        kernel_size=(kernel,) * 3,
        border="nearest",
    )


def _one(name: str, layer: str, shape: Clip, features: int, options: Mapping[str, Any]) -> Part:
    return part(name, f"vae.{layer}", {"x": (*shape, features)}, **options)


FIGURES = (Published("parameters", "246,478,803", DIFFUSERS),)

# The tiles that the published code cuts a clip into: that of diffusers, and the larger one of
# Tencent-Hunyuan/HunyuanVideo (sample_tsize 64, sample_size 256).
MODELS = (
    hunyuan_vae("hunyuanvideo-vae", (65, 256, 256), *FIGURES),
    hunyuan_vae("hunyuanvideo-vae-17x256", (17, 256, 256), *FIGURES),
)
