"""Cosmos 1.0 Diffusion (text to world): cross-attention to the text, low-rank modulations."""

from math import prod
from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

COSMOS = "NVIDIA 2025, arXiv:2501.03575; diffusers transformer_cosmos.py"
CLASS = "diffusers transformer_cosmos.py CosmosTransformer3DModel"
TEXT = (512, 1024)


@resizable
def cosmos(
    name: str,
    clip: tuple[int, int, int],
    depth: int,
    heads: int,
    rope_scale: tuple[float, float, float],
    *published: Published,
) -> Model:
    """Write a model: a latent stands for 8×8×8 pixels, a token for 1×2×2 latents."""
    width = 128 * heads
    latent = ((clip[0] - 1) // 8 + 1, clip[1] // 8, clip[2] // 8)
    grid = (latent[0], latent[1] // 2, latent[2] // 2)
    tokens, shared = (prod(grid), width), {"embedded": (width,), "modulation": (3 * width,)}
    sizes: dict[str, Any] = {
        "num_heads": heads, "mlp_dim": 4 * width, "grid": grid, "rope_scale": rope_scale
    }  # fmt: skip
    position = Input(tokens, batched=False)
    parts = (
        # The seventeenth channel says which latents are padding.
        part("embedding", "cosmos.CosmosEmbedding", {"x": (*latent, 17)}, in_features=17,
             features=width),
        part("timestep", "cosmos.CosmosTimestep", {"timestep": ()}, features=width),
        part("blocks", "cosmos.CosmosBlock",
             {"x": tokens, "text": TEXT, **shared, "position": position}, count=depth,
             in_features=width, **sizes),
        part("head", "denoised.CosmosHead", {"x": tokens, **shared}, in_features=width,
             out_features=64),
    )  # fmt: skip
    inputs = {"x": Input((*latent, 16)), "text": Input(TEXT), "timestep": Input(())}
    options = {"features": width, "depth": depth, **sizes}
    return Model("Cosmos", name, clip, inputs, options, parts, COSMOS, published)


# fmt: off
MODELS = (
    cosmos("cosmos-1.0-diffusion-7b", (121, 704, 1280), 28, 32, (2.0, 1.0, 1.0),
           Published("parameters", "7,236,192,256", CLASS)),
    cosmos("cosmos-1.0-diffusion-14b", (121, 704, 1280), 36, 40, (2.0, 2.0, 2.0),
           Published("parameters", "14,267,149,312", CLASS)),
)
# fmt: on
