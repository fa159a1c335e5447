"""Step-Video-T2V: a large diffusion transformer on a strongly compressed latent."""

from math import prod
from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

STEP = (
    "Step-Video Team 2025, arXiv:2502.10248; stepfun-ai/Step-Video-T2V stepvideo/modules/model.py"
)
TEXT, CLIP = (320, 6144), (77, 1024)


@resizable
def stepvideo(
    name: str,
    clip: tuple[int, int, int],
    depth: int,
    width: int,
    heads: int,
    *published: Published,
) -> Model:
    """Write a model: 17 frames become 3 latents; a token stands for 16×16 pixels of a latent."""
    grid = (clip[0] // 17 * 3, clip[1] // 16, clip[2] // 16)
    tokens, x = (prod(grid), width), (*grid, 64)
    words = (TEXT[0] + CLIP[0], width)
    sizes: dict[str, Any] = {"num_heads": heads, "mlp_dim": 4 * width, "grid": grid}
    parts = (
        part("embedding", "embedding.TubeletEmbedding", {"x": x}, in_features=64,
             out_features=width, kernel_size=(1, 1, 1)),
        part("timestep", "conditioning.SharedModulation", {"timestep": ()}, features=width,
             step_scale=1000.0),
        part("text", "stepvideo.StepVideoText", {"text": TEXT, "clip": CLIP}, in_features=TEXT[1],
             clip_features=CLIP[1], features=width),
        part("blocks", "stepvideo.StepVideoBlock",
             {"x": tokens, "text": words, "modulation": (6, width)}, count=depth,
             in_features=width, **sizes),
        part("head", "denoised.TableHead", {"x": tokens, "embedded": (width,)}, in_features=width,
             out_features=64),
    )  # fmt: skip
    inputs = {"x": Input(x), "text": Input(TEXT), "clip": Input(CLIP), "timestep": Input(())}
    options = {"features": width, "depth": depth, **sizes}
    return Model("StepVideo", name, clip, inputs, options, parts, STEP, published)


# fmt: off
MODELS = (
    stepvideo("step-video-t2v", (204, 544, 992), 48, 6144, 48,
              Published("parameters", "29,342,478,400",
                        "stepfun-ai/Step-Video-T2V stepvideo/modules/model.py StepVideoModel"),
              Published("parameters", "30 G", "stepfun-ai/Step-Video-T2V README.md",
                        unmet="rounded up there: the published class has 29.34 G")),
)
# fmt: on
