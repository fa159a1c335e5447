"""CogVideoX: text and video in one sequence, with modulations of their own."""

from math import prod
from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

COG = "Yang et al. 2024, arXiv:2408.06072; diffusers cogvideox_transformer_3d.py"
CLASS = "diffusers cogvideox_transformer_3d.py CogVideoXTransformer3DModel"
TEXT = (226, 4096)


@resizable
def cogvideox(
    name: str,
    clip: tuple[int, int, int],
    depth: int,
    heads: int,
    rotary: bool,
    *published: Published,
) -> Model:
    """Write a model: a latent stands for 4×8×8 pixels, a token for 1×2×2 latents."""
    width = 64 * heads
    latent = ((clip[0] - 1) // 4 + 1, clip[1] // 8, clip[2] // 8)
    grid = (latent[0], latent[1] // 2, latent[2] // 2)
    tokens, x, conditioning = (prod(grid), width), (*latent, 16), (512,)
    sizes: dict[str, Any] = {
        "num_heads": heads, "mlp_dim": 4 * width, "grid": grid, "rotary": rotary
    }  # fmt: skip
    parts = (
        part("embedding", "cogvideox.CogVideoXEmbedding", {"x": x, "text": TEXT}, in_features=16,
             text_features=TEXT[1], features=width, positions=not rotary),
        part("timestep", "conditioning.TimestepEmbedding", {"timestep": ()}, features=512,
             frequency_features=width),
        part("blocks", "cogvideox.CogVideoXBlock",
             {"x": tokens, "text": (TEXT[0], width), "conditioning": conditioning}, count=depth,
             in_features=width, **sizes),
        part("head", "cogvideox.CogVideoXHead", {"x": tokens, "conditioning": conditioning},
             in_features=width, out_features=64),
    )  # fmt: skip
    inputs = {"x": Input(x), "text": Input(TEXT), "timestep": Input(())}
    options = {"features": width, "depth": depth, **sizes}
    return Model("CogVideoX", name, clip, inputs, options, parts, COG, published)


# fmt: off
MODELS = (
    cogvideox("cogvideox-2b", (49, 480, 720), 30, 30, False,
              Published("parameters", "1,693,783,872", CLASS)),
    cogvideox("cogvideox-5b", (49, 480, 720), 42, 48, True,
              Published("parameters", "5,570,283,072", CLASS)),
)
# fmt: on
