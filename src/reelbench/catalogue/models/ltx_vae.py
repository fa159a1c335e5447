"""The video autoencoder of LTX-Video: 1 + 8n frames to 1 + n frames, 32 times smaller in space."""

from __future__ import annotations

from reelbench.catalogue.models.chain import Clip, chain, grow, shrink
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "HaCohen et al. 2024, arXiv:2501.00103"
DIFFUSERS = "diffusers models/autoencoders/autoencoder_kl_ltx.py, AutoencoderKLLTXVideo"
BLOCK = "vae.LTXResidualBlock"


@resizable
def ltx_vae(
    name: str,
    clip: Clip,
    *published: Published,
    widths: tuple[int, ...] = (128, 256, 512, 512),
    latent_features: int = 128,
    blocks: tuple[int, ...] = (4, 3, 3, 3, 4),
    scaling: tuple[bool, ...] = (True, True, True, False),
    patch: int = 4,
    decoder_causal: bool = False,
    assumed: bool = False,
) -> Model:
    """Compose an LTX-Video autoencoder, encoder and decoder.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        widths: Channels of each level.
        latent_features: Channels of the latent code.
        blocks: Residual blocks of each level, and in the middle.
        scaling: For each level, whether it halves (doubles) frames, height and width.
        patch: Height and width of the patches that are moved to channels before all else.
        decoder_causal: Whether a decoded frame sees no later latent frame.
        assumed: Whether the clip is an assumption.
    """
    pixels = 3 * patch**2
    shape = (clip[0], clip[1] // patch, clip[2] // patch)
    parts = [_conv("encoder.stem", shape, pixels, widths[0])]
    for level, width in enumerate(widths):
        place = f"encoder.level{level}"
        wider = widths[min(level + 1, len(widths) - 1)]
        parts += chain(f"{place}.block", BLOCK, shape, (blocks[level] + 1) * [width])
        if scaling[level]:
            parts.append(_conv(f"{place}.down", shape, width, width, strides=(2, 2, 2)))
            shape = shrink(shape, (2, 2, 2))
        if wider != width:
            parts += chain(f"{place}.widen", BLOCK, shape, [width, wider])
    parts += chain("encoder.middle", BLOCK, shape, (blocks[-1] + 1) * [widths[-1]])
    parts.append(_head("encoder.head", shape, widths[-1], latent_features + 1))

    latent, before, causal = shape, widths[-1], decoder_causal
    parts.append(_conv("decoder.stem", shape, latent_features, before, causal=causal))
    parts += chain("decoder.middle", BLOCK, shape, (blocks[-1] + 1) * [before], causal=causal)
    for level in reversed(range(len(widths))):
        place, width = f"decoder.level{len(widths) - 1 - level}", widths[level]
        if width != before:
            parts += chain(f"{place}.narrow", BLOCK, shape, [before, width], causal=causal)
        if scaling[level]:
            x = {"x": (*shape, width)}
            parts.append(part(f"{place}.up", "vae.LTXUpsample", x, features=width, causal=causal))
            shape = grow(shape, (2, 2, 2))
        row = (blocks[level] + 1) * [width]
        parts += chain(f"{place}.block", BLOCK, shape, row, causal=causal)
        before = width
    parts.append(_head("decoder.head", shape, before, pixels, causal=causal))
    return Model(
        "LTXAutoencoder",
        name,
        clip,
        {"clip": Input((*clip, 3)), "noise": Input((*latent, latent_features))},
        {
            "widths": widths,
            "latent_features": latent_features,
            "blocks": blocks,
            "scaling": scaling,
            "patch": patch,
            "decoder_causal": decoder_causal,
        },
        tuple(parts),
        source=f"{PAPER}; {DIFFUSERS}",
        published=published,
        assumed=assumed,
    )


def _conv(
    name: str,
    shape: Clip,
    in_features: int,
    out_features: int,
    *,
    strides: Clip = (1, 1, 1),
    causal: bool = True,
) -> Part:
    return part(
        name,
        "vae.LTXConv3D",
        {"x": (*shape, in_features)},
        in_features=in_features,
        out_features=out_features,
        strides=strides,
        causal=causal,
    )


def _head(
    name: str, shape: Clip, in_features: int, out_features: int, *, causal: bool = True
) -> Part:
    return part(
        name,
        "vae.LTXHead",
        {"x": (*shape, in_features)},
        in_features=in_features,
        out_features=out_features,
        causal=causal,
    )


FIGURES = (Published("parameters", "419,193,649", DIFFUSERS),)

# The clip that the paper generates faster than it plays, and a crop that one machine can train on.
MODELS = (
    ltx_vae("ltx-video-vae", (121, 512, 768), *FIGURES),
    ltx_vae("ltx-video-vae-17x256", (17, 256, 256), *FIGURES, assumed=True),
)
