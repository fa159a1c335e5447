"""The causal video autoencoder of CogVideoX: 1 + 4n frames to 1 + n frames of latent code."""

from __future__ import annotations

from reelbench.catalogue.models.chain import Clip, chain, grow, shrink
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "Yang et al. 2024, arXiv:2408.06072"
DIFFUSERS = "diffusers models/autoencoders/autoencoder_kl_cogvideox.py, AutoencoderKLCogVideoX"


@resizable
def cogvideox_vae(
    name: str,
    clip: Clip,
    *published: Published,
    widths: tuple[int, ...] = (128, 256, 256, 512),
    latent_features: int = 16,
    blocks: int = 3,
    time: tuple[bool, ...] = (True, True, False),
    groups: int = 32,
    assumed: bool = False,
) -> Model:
    """Compose a CogVideoX autoencoder, encoder and decoder.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        widths: Channels of each level.
        latent_features: Channels of the latent code.
        blocks: Residual blocks of a level; the decoder has one more.
        time: For each level but the last, whether the encoder halves its frames too.
        groups: Groups of channels that are normalised together.
        assumed: Whether the clip is an assumption.
    """
    block = "vae.CogVideoXResidualBlock"
    shape = clip
    parts = [_conv("encoder.stem", shape, 3, widths[0])]
    before = widths[0]
    for level, width in enumerate(widths):
        place = f"encoder.level{level}"
        row = [before] + blocks * [width]
        parts += chain(f"{place}.block", block, shape, row, groups=groups)
        before = width
        if level < len(time):
            x = {"x": (*shape, width)}
            parts.append(
                part(
                    f"{place}.down", "vae.CogVideoXDownsample", x, features=width, time=time[level]
                )
            )
            shape = shrink(shape, (1 + time[level], 2, 2))
    parts += chain("encoder.middle", block, shape, 3 * [before], groups=groups)
    parts.append(
        part(
            "encoder.head",
            "vae.CogVideoXHead",
            {"x": (*shape, before)},
            in_features=before,
            out_features=2 * latent_features,
            groups=groups,
        )
    )

    code = {"latent": (*shape, latent_features)}
    coded = {"latent_features": latent_features, "groups": groups}
    parts.append(_conv("decoder.stem", shape, latent_features, before))
    parts += chain("decoder.middle", block, shape, 3 * [before], inputs=code, **coded)
    for level, width in enumerate(reversed(widths)):
        place = f"decoder.level{level}"
        row = [before] + (blocks + 1) * [width]
        parts += chain(f"{place}.block", block, shape, row, inputs=code, **coded)
        before = width
        if level < len(time):
            # At the encoder's places, not mirrored.
            x = {"x": (*shape, width)}
            parts.append(
                part(f"{place}.up", "vae.CogVideoXUpsample", x, features=width, time=time[level])
            )
            shape = grow(shape, (1 + time[level], 2, 2))
    parts.append(
        part(
            "decoder.head",
            "vae.CogVideoXHead",
            {"x": (*shape, before), **code},
            in_features=before,
            out_features=3,
            latent_features=latent_features,
            groups=groups,
        )
    )
    return Model(
        "CogVideoXAutoencoder",
        name,
        clip,
        {"clip": Input((*clip, 3)), "noise": Input(code["latent"])},
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
        assumed=assumed,
    )


def _conv(name: str, shape: Clip, in_features: int, out_features: int) -> Part:
    return part(
        name,
        "causal.CausalConv3D",
        {"x": (*shape, in_features)},
        in_features=in_features,
        out_features=out_features,
        border="first",
    )


FIGURES = (Published("parameters", "215,583,907", DIFFUSERS),)

# The clip that the transformers generate, and a crop that one machine can train on.
MODELS = (
    cogvideox_vae("cogvideox-vae", (49, 480, 720), *FIGURES),
    cogvideox_vae("cogvideox-vae-17x256", (17, 256, 256), *FIGURES, assumed=True),
)
