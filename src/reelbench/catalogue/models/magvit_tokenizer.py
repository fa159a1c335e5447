"""The MAGVIT 3D-VQ tokenizer: a clip to a grid of codebook indices, and back."""

from __future__ import annotations

from reelbench.catalogue.models.chain import Clip, chain
from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

PAPER = "Yu et al. 2023, arXiv:2212.05199"
CONFIG = "google-research/magvit videogvt/configs/vqgan3d_ucf101_config.py"


@resizable
def magvit_tokenizer(
    name: str,
    clip: Clip,
    *published: Published,
    features: int = 64,
    embedding: int = 256,
    codes: int = 1024,
    multipliers: tuple[int, ...] = (1, 2, 2, 4),
    blocks: int = 2,
    time: tuple[bool, ...] = (True, True, False),
) -> Model:
    """Compose a MAGVIT 3D-VQ tokenizer: encoder, codebook and decoder.

    Args:
        name: Its name.
        clip: Frames, height and width of its clip.
        published: Figures to hold it against.
        features: Channels of the first level.
        embedding: Channels of a code.
        codes: Codes in the codebook.
        multipliers: Channels of each level, in units of the first.
        blocks: Residual blocks of a level and in the middle.
        time: For each level but the last, whether the encoder halves its frames too.
    """
    block = "tokenizer.MagvitResidualBlock"
    widths = [features * m for m in multipliers]
    factors = [(1 + halved, 2, 2) for halved in time]
    shape = clip
    parts = [
        part(
            "encoder.stem",
            "tokenizer.MagvitConv3D",
            {"x": (*shape, 3)},
            in_features=3,
            out_features=widths[0],
            use_bias=False,
        )
    ]
    before = widths[0]
    for level, width in enumerate(widths):
        row = [before] + blocks * [width]
        parts += chain(f"encoder.level{level}.block", block, shape, row)
        before = width
        if level < len(time):
            t, h, w = factors[level]
            shape = (shape[0] // t, shape[1] // h, shape[2] // w)
    parts += chain("encoder.middle", block, shape, (blocks + 1) * [before])
    parts += [
        part(
            "encoder.head",
            "tokenizer.MagvitHead",
            {"x": (*shape, before)},
            in_features=before,
            out_features=embedding,
            kernel_size=(1, 1, 1),
        ),
        part(
            "quantizer",
            "tokenizer.VectorQuantizer",
            {"x": (*shape, embedding)},
            features=embedding,
            codes=codes,
        ),
        part(
            "decoder.stem",
            "tokenizer.MagvitConv3D",
            {"x": (*shape, embedding)},
            in_features=embedding,
            out_features=before,
            use_bias=True,
        ),
    ]
    parts += chain("decoder.middle", block, shape, (blocks + 1) * [before])
    for level, width in enumerate(reversed(widths)):
        place = f"decoder.level{level}"
        parts += chain(f"{place}.block", block, shape, [before] + blocks * [width])
        before = width
        if level < len(time):
            t, h, w = factors[-1 - level]
            parts.append(
                part(
                    f"{place}.up",
                    "tokenizer.MagvitUpsample",
                    {"x": (*shape, width)},
                    in_features=width,
                    out_features=width,
                    factors=(t, h, w),
                )
            )
            shape = (shape[0] * t, shape[1] * h, shape[2] * w)
    parts.append(
        part(
            "decoder.head",
            "tokenizer.MagvitHead",
            {"x": (*shape, before)},
            in_features=before,
            out_features=3,
        )
    )
    return Model(
        "MagvitTokenizer",
        name,
        clip,
        {"clip": Input((*clip, 3))},
        {
            "features": features,
            "embedding": embedding,
            "codes": codes,
            "multipliers": multipliers,
            "blocks": blocks,
            "time": time,
        },
        tuple(parts),
        source=f"{PAPER}; {CONFIG}",
        published=published,
    )


MODELS = (
    magvit_tokenizer(
        "magvit-3d-vq-b", (16, 128, 128), Published("parameters", "41 M", PAPER), features=64
    ),
    magvit_tokenizer(
        "magvit-3d-vq-l", (16, 128, 128), Published("parameters", "158 M", PAPER), features=128
    ),
)
