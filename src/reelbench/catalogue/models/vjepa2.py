"""V-JEPA 2: encoders, encoders with their predictor, and both with the teacher of pre-training.

The sizes of the masks of pre-training are medians of the published sampling; see the catalogue's
masked layers.
"""

from __future__ import annotations

from typing import Any

from reelbench.catalogue.masked import LARGE_BLOCKS, SMALL_BLOCKS
from reelbench.catalogue.models.model import Model, Part, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.models.vit import grid_of
from reelbench.catalogue.preset import Input

SOURCE = "Assran et al. 2025, arXiv:2506.09985; vjepa2 src/models/vision_transformer.py"
README = "facebookresearch/vjepa2 README.md"
HUB = "Hugging Face facebook/vjepa2-{} model.safetensors"
CLASS = "counted from the class in vjepa2 src/models/vision_transformer.py"

ONE_DIGIT = "printed as {}, one digit"
Clip = tuple[int, int, int]
Masks = tuple[tuple[int, int], ...]

#          width depth heads mlp_dim
SIZES = {
    "l": (1024, 24, 16, 4096),
    "h": (1280, 32, 16, 5120),
    "g": (1408, 40, 22, 6144),
}
#            width depth heads mlp_dim
PREDICTOR = (384, 12, 12, 1536)


def _block(size: tuple[int, int, int, int], clip: Clip) -> dict[str, Any]:
    width, _, heads, mlp_dim = size
    return {
        "in_features": width,
        "num_heads": heads,
        "mlp_dim": mlp_dim,
        "qkv_bias": True,
        "rotary_grid": grid_of(clip),
    }


def _encoder(
    prefix: str, clip: Clip, size: tuple[int, int, int, int], *, trained: bool = True
) -> list[Part]:
    """An encoder that sees the whole clip."""
    width, depth, _, _ = size
    frames, height, columns = grid_of(clip)
    x = (frames * height * columns, width)
    return [
        part(f"{prefix}embed", "embedding.TubeletEmbedding", {"x": (*clip, 3)}, trained=trained,
             in_features=3, out_features=width, kernel_size=(2, 16, 16)),
        part(f"{prefix}blocks", "attention.JointAttentionBlock", {"x": x}, count=depth,
             trained=trained, **_block(size, clip)),
        part(f"{prefix}norm", "attention.TokenNorm", {"x": x}, trained=trained, in_features=width),
    ]  # fmt: skip


def _seen(prefix: str, clip: Clip, size: tuple[int, int, int, int], masks: Masks) -> list[Part]:
    """The same encoder where it sees only the context of each mask, with one set of weights."""
    width, depth, _, _ = size
    frames, height, columns = grid_of(clip)
    tokens = frames * height * columns
    parts = _encoder(prefix, clip, size)[:1]
    for number, (context, _) in enumerate(masks):
        x, places = (context, width), Input((context,), values="index", below=tokens)
        first = number == 0
        parts += [
            part(f"{prefix}blocks{number}", "attention.JointAttentionBlock",
                 {"x": x, "positions": places}, count=depth, copies=depth * first,
                 **_block(size, clip)),
            part(f"{prefix}norm{number}", "attention.TokenNorm", {"x": x}, copies=int(first),
                 in_features=width),
        ]  # fmt: skip
    return parts


def _predictor(
    clip: Clip, size: tuple[int, int, int, int], masks: Masks, tokens: int
) -> list[Part]:
    """The predictor for each mask, with one set of weights."""
    width, depth, _, _ = PREDICTOR
    frames, height, columns = grid_of(clip)
    below = frames * height * columns
    parts = []
    for number, (context, targets) in enumerate(masks):
        both, first = context + targets, number == 0
        parts += [
            part(f"predictor-tokens{number}", "masked.PredictorTokens",
                 {"x": (context, size[0]), "targets": Input((targets,), "index", below)},
                 copies=int(first), in_features=size[0], out_features=width,
                 num_mask_tokens=tokens),
            part(f"predictor-blocks{number}", "attention.JointAttentionBlock",
                 {"x": (both, width), "positions": Input((both,), "index", below)},
                 count=depth, copies=depth * first, **_block(PREDICTOR, clip)),
            part(f"predictor-head{number}", "masked.PredictorHead", {"x": (both, width)},
                 copies=int(first), in_features=width, out_features=size[0], targets=targets),
        ]  # fmt: skip
    return parts


@resizable
def encoder(model: str, size: str, *published: Published, clip: Clip) -> Model:
    """Compose an encoder."""
    width, depth, heads, mlp_dim = SIZES[size]
    options = {
        "in_features": 3, "width": width, "depth": depth, "num_heads": heads,
        "mlp_dim": mlp_dim, "grid": grid_of(clip), "kernel_size": (2, 16, 16),
    }  # fmt: skip
    inputs = {"x": Input((*clip, 3))}
    parts = tuple(_encoder("", clip, SIZES[size]))
    return Model("Encoder", model, clip, inputs, options, parts, SOURCE, published)


@resizable
def predicting(
    model: str,
    size: str,
    *published: Published,
    clip: Clip,
    masks: Masks,
    mask_tokens: int,
    teacher: bool,
    assumed: bool = False,
) -> Model:
    """Compose an encoder, a predictor and, in pre-training, a teacher.

    Args:
        model: Its name.
        size: ``l``, ``h`` or ``g``.
        published: Figures to hold it against.
        clip: Frames, height and width.
        masks: Tokens of context and of targets, for each mask that a clip is seen under.
        mask_tokens: How many mask tokens the predictor has.
        teacher: Whether a frozen encoder computes the targets' features.
        assumed: Whether any size is not published.
    """
    frames, height, columns = grid_of(clip)
    below = frames * height * columns
    inputs = {"x": Input((*clip, 3))}
    for number, (context, targets) in enumerate(masks):
        inputs[f"context{number}"] = Input((context,), "index", below)
        inputs[f"targets{number}"] = Input((targets,), "index", below)
    parts = [
        *_seen("", clip, SIZES[size], masks),
        *_predictor(clip, SIZES[size], masks, mask_tokens),
    ]
    if teacher:
        parts += _encoder("teacher-", clip, SIZES[size], trained=False)
    width, depth, heads, mlp_dim = SIZES[size]
    keys = ("predictor_width", "predictor_depth", "predictor_heads", "predictor_mlp_dim")
    options = {
        "in_features": 3, "width": width, "depth": depth, "num_heads": heads,
        "mlp_dim": mlp_dim, "grid": grid_of(clip), "kernel_size": (2, 16, 16),
        "num_mask_tokens": mask_tokens, "teacher": teacher,
    } | dict(zip(keys, PREDICTOR, strict=True))  # fmt: skip
    return Model(
        "JointEmbedding", model, clip, inputs, options, tuple(parts), SOURCE, published, assumed
    )


def whole(clip: Clip) -> Masks:
    """The one mask that the released checkpoints run with: all tokens are context and targets."""
    frames, height, columns = grid_of(clip)
    return ((frames * height * columns,) * 2,)


def _parameters(figure: str, source: str, convention: str = "") -> Published:
    return Published("parameters", figure, source, convention)


LOW, LONG, FINE = (16, 256, 256), (64, 256, 256), (64, 384, 384)
L = (_parameters("0.3 G", README, ONE_DIGIT.format("300M")),
     _parameters("304 M", "Chen et al. 2025, arXiv:2512.10942"),
     _parameters("303,885,312", CLASS))  # fmt: skip
H = (_parameters("0.6 G", README, ONE_DIGIT.format("600M")),)
G = (_parameters("1 G", README, ONE_DIGIT.format("1B")), _parameters("1,012,173,952", CLASS))
BLOCKS = (SMALL_BLOCKS, LARGE_BLOCKS)
HUB_OPTIONS: dict[str, Any] = {"mask_tokens": 10, "teacher": False}

MODELS = (
    encoder("vjepa2-l", "l", *L, clip=LOW),
    encoder("vjepa2-l-64x256", "l", *L, clip=LONG),
    encoder("vjepa2-h", "h", *H, clip=LOW),
    encoder("vjepa2-h-64x256", "h", *H, clip=LONG),
    encoder("vjepa2-g", "g", *G, clip=LOW),
    encoder("vjepa2-g-64x256", "g", *G, clip=LONG),
    encoder("vjepa2-g-64x384", "g", *G, clip=FINE),
    predicting("vjepa2-vitl-fpc64-256", "l",
               _parameters("325,971,328", HUB.format("vitl-fpc64-256")),
               clip=LONG, masks=whole(LONG), **HUB_OPTIONS),
    predicting("vjepa2-vitg-fpc64-256", "g",
               _parameters("1,034,555,264", HUB.format("vitg-fpc64-256")),
               clip=LONG, masks=whole(LONG), **HUB_OPTIONS),
    predicting("vjepa2-l-pretrain", "l", clip=LOW, masks=BLOCKS, mask_tokens=6, teacher=True,
               assumed=True),
    predicting("vjepa2-h-pretrain", "h", clip=LOW, masks=BLOCKS, mask_tokens=6, teacher=True,
               assumed=True),
    predicting("vjepa2-g-pretrain", "g", clip=LOW, masks=BLOCKS, mask_tokens=6, teacher=True,
               assumed=True),
)  # fmt: skip
