"""LTX-Video: a diffusion transformer on a strongly compressed latent, one token a latent."""

from math import prod
from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

LTX = "HaCohen et al. 2024, arXiv:2501.00103; diffusers transformer_ltx.py"
CLASS = "diffusers transformer_ltx.py LTXVideoTransformer3DModel"
BENCHMARK = "huggingface diffusers/benchmarks collated_results.csv LTX-Video-0.9.7-dev"


@resizable
def ltx(
    name: str,
    clip: tuple[int, int, int],
    depth: int,
    width: int,
    heads: int,
    text_tokens: int,
    *published: Published,
) -> Model:
    """Write a model: a token stands for 8×32×32 pixels."""
    grid = ((clip[0] - 1) // 8 + 1, clip[1] // 32, clip[2] // 32)
    tokens, x, text = (prod(grid), width), (*grid, 128), (text_tokens, 4096)
    sizes: dict[str, Any] = {"num_heads": heads, "mlp_dim": 4 * width, "grid": grid}
    parts = (
        part("embedding", "embedding.TubeletEmbedding", {"x": x}, in_features=128,
             out_features=width, kernel_size=(1, 1, 1)),
        part("timestep", "conditioning.SharedModulation", {"timestep": ()}, features=width),
        part("text", "conditioning.TextProjection", {"text": text}, in_features=4096,
             features=width),
        part("blocks", "ltx.LTXBlock",
             {"x": tokens, "text": (text_tokens, width), "modulation": (6, width)}, count=depth,
             in_features=width, **sizes),
        part("head", "denoised.TableHead", {"x": tokens, "embedded": (width,)}, in_features=width,
             out_features=128),
    )  # fmt: skip
    inputs = {"x": Input(x), "text": Input(text), "timestep": Input(())}
    options = {"features": width, "depth": depth, **sizes}
    return Model("LTX", name, clip, inputs, options, parts, LTX, published)


# fmt: off
MODELS = (
    ltx("ltx-video-2b", (161, 512, 704), 28, 2048, 32, 128,
        Published("parameters", "1,923,385,472", CLASS)),
    ltx("ltx-video-13b", (161, 512, 704), 48, 4096, 32, 256,
        Published("parameters", "13,042,569,344", CLASS),
        Published("parameters", "13,042.57 M", BENCHMARK),
        Published("flops", "167,565.8 G", BENCHMARK,
                  unmet="torchprofile counts no products inside attention: 42.97 T of self- and"
                        " 1.49 T of cross-attention; the rest of ours is 167.54 T")),
)
# fmt: on
