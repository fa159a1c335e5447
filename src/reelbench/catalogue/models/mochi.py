"""Mochi 1: a narrow stream of text joins a wide one of video."""

from math import prod
from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

MOCHI = (
    "Genmo 2024; genmoai/mochi README.md, src/genmo/mochi_preview/dit/joint_model; diffusers"
    " transformer_mochi.py"
)
CLASS = "diffusers transformer_mochi.py MochiTransformer3DModel"
TEXT = (256, 4096)


@resizable
def mochi(
    name: str,
    clip: tuple[int, int, int],
    depth: int,
    width: int,
    text_width: int,
    heads: int,
    *published: Published,
) -> Model:
    """Write a model: a latent stands for 6×8×8 pixels, a token for 1×2×2 latents."""
    latent = ((clip[0] - 1) // 6 + 1, clip[1] // 8, clip[2] // 8)
    grid = (latent[0], latent[1] // 2, latent[2] // 2)
    tokens, x, conditioning = (prod(grid), width), (*latent, 12), (width,)
    networks: dict[str, Any] = {
        "num_heads": heads,
        "mlp_dim": 4 * width * 2 // 3,
        "text_mlp_dim": 4 * text_width * 2 // 3,
    }
    block: dict[str, tuple[int, ...] | Input] = {
        "x": tokens,
        "text": (TEXT[0], text_width),
        "conditioning": conditioning,
        "angles": Input((tokens[0], heads, width // heads // 2), values="unit", batched=False),
    }
    sizes = {"in_features": width, "text_features": text_width, **networks}
    parts = (
        part("embedding", "mochi.MochiEmbedding", {"x": x}, in_features=12, features=width,
             num_heads=heads),
        part("conditioning", "mochi.MochiConditioning", {"timestep": (), "text": TEXT},
             in_features=TEXT[1], features=width, text_features=text_width),
        part("blocks", "mochi.MochiBlock", block, count=depth - 1, **sizes),
        part("last block", "mochi.MochiBlock", block, updates_text=False, **sizes),
        part("head", "denoised.ModulatedHead", {"x": tokens, "conditioning": conditioning},
             in_features=width, out_features=48),
    )  # fmt: skip
    inputs = {"x": Input(x), "text": Input(TEXT), "timestep": Input(())}
    options = {"features": width, "text_width": text_width, "depth": depth, **networks}
    return Model("Mochi", name, clip, inputs, options, parts, MOCHI, published)


# fmt: off
MODELS = (
    mochi("mochi-1", (163, 480, 848), 48, 3072, 1536, 24,
          Published("parameters", "10,027,677,744", CLASS),
          Published("parameters", "10 G", "genmoai/mochi README.md")),
)
# fmt: on
