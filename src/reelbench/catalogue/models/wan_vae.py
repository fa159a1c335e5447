"""The causal video autoencoders of Wan: a clip of 1 + 4n frames to 1 + n frames of latent code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelbench.catalogue.models.chain import Clip, chain, grow, shrink
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "Wan Team 2025, arXiv:2503.20314"
DIFFUSERS = "diffusers models/autoencoders/autoencoder_kl_wan.py, AutoencoderKLWan"


@resizable
def wan_vae(
    name: str,
    clip: Clip,
    *published: Published,
    features: int = 96,
    decoder_features: int = 96,
    latent_features: int = 16,
    multipliers: tuple[int, ...] = (1, 2, 4, 4),
    blocks: int = 2,
    time: tuple[bool, ...] = (False, True, True),
    residual: bool = False,
    patch: int = 1,
    assumed: bool = False,
) -> Model:
    """Compose a Wan autoencoder, encoder and decoder.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        features: Channels of the encoder's first level.
        decoder_features: Channels of the decoder's last level.
        latent_features: Channels of the latent code.
        multipliers: Channels of each level, in units of the first.
        blocks: Residual blocks of a level; the decoder has one more.
        time: For each level but the last, whether the encoder halves its frames too.
        residual: Whether levels have shortcuts (Wan2.2).
        patch: Height and width of the patches that are moved to channels before all else.
        assumed: Whether the clip is an assumption.
    """
    pixels = 3 * patch**2
    shape = (clip[0], clip[1] // patch, clip[2] // patch)
    widths = [features * m for m in multipliers]
    parts = [_conv("encoder.stem", shape, pixels, widths[0])]
    for level, width in enumerate(widths):
        before = widths[max(level - 1, 0)]
        place = f"encoder.level{level}"
        parts += chain(f"{place}.block", "vae.WanResidualBlock", shape, [before] + blocks * [width])
        if level < len(time):
            halve = {"features": width, "time": time[level]}
            parts.append(_one(f"{place}.down", "WanDownsample", shape, width, halve))
            shape = shrink(shape, (1 + time[level], 2, 2))
    parts += _middle("encoder.middle", shape, widths[-1])
    ends = {"in_features": widths[-1], "out_features": 2 * latent_features}
    parts.append(_one("encoder.head", "WanHead", shape, widths[-1], ends))
    parts.append(_conv("encoder.moments", shape, 2 * latent_features, 2 * latent_features, 1))

    latent = shape
    widths = [decoder_features * m for m in reversed(multipliers)]
    parts.append(_conv("decoder.code", shape, latent_features, latent_features, 1))
    parts.append(_conv("decoder.stem", shape, latent_features, widths[0]))
    parts += _middle("decoder.middle", shape, widths[0])
    before = widths[0]
    for level, width in enumerate(widths):
        place = f"decoder.level{level}"
        row = [before] + (blocks + 1) * [width]
        parts += chain(f"{place}.block", "vae.WanResidualBlock", shape, row)
        if level < len(time):
            # Without shortcuts, up-sampling halves the channels.
            before = width if residual else width // 2
            double = {"in_features": width, "out_features": before, "time": time[-1 - level]}
            parts.append(_one(f"{place}.up", "WanUpsample", shape, width, double))
            shape = grow(shape, (1 + time[-1 - level], 2, 2))
    ends = {"in_features": widths[-1], "out_features": pixels}
    parts.append(_one("decoder.head", "WanHead", shape, widths[-1], ends))
    return Model(
        "WanAutoencoder",
        name,
        clip,
        {"clip": Input((*clip, 3)), "noise": Input((*latent, latent_features))},
        {
            "features": features,
            "decoder_features": decoder_features,
            "latent_features": latent_features,
            "multipliers": multipliers,
            "blocks": blocks,
            "time": time,
            "residual": residual,
            "patch": patch,
        },
        tuple(parts),
        source=f"{PAPER}; {DIFFUSERS}",
        published=published,
        assumed=assumed,
    )


def _middle(place: str, shape: Clip, features: int) -> list[Part]:
    return [
        *chain(f"{place}.block", "vae.WanResidualBlock", shape, 3 * [features]),
        _one(f"{place}.attention", "WanFrameAttention", shape, features, {"features": features}),
    ]


def _conv(name: str, shape: Clip, in_features: int, out_features: int, kernel: int = 3) -> Part:
    return part(
        name,
        "causal.CausalConv3D",
        {"x": (*shape, in_features)},
        in_features=in_features,
        out_features=out_features,
        kernel_size=(kernel,) * 3,
    )


def _one(name: str, layer: str, shape: Clip, features: int, options: Mapping[str, Any]) -> Part:
    return part(name, f"vae.{layer}", {"x": (*shape, features)}, **options)


WAN21 = (
    Published("parameters", "126,892,531", DIFFUSERS),
    Published("parameters", "127 M", PAPER),
)
WAN22 = (Published("parameters", "704,688,668", f"{DIFFUSERS}, config of Wan2.2-TI2V-5B"),)
TI2V: dict[str, Any] = {
    "features": 160,
    "decoder_features": 256,
    "latent_features": 48,
    "residual": True,
    "patch": 2,
}

# The clips that the transformers generate, and a crop that one machine can train on.
MODELS = (
    wan_vae("wan2.1-vae", (81, 480, 832), *WAN21),
    wan_vae("wan2.1-vae-17x256", (17, 256, 256), *WAN21, assumed=True),
    wan_vae("wan2.2-vae", (121, 704, 1280), *WAN22, **TI2V),
    wan_vae("wan2.2-vae-17x256", (17, 256, 256), *WAN22, **TI2V, assumed=True),
)
