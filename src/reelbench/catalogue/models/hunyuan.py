"""HunyuanVideo: dual-stream, then single-stream blocks over text and video in one sequence."""

from math import prod
from typing import Any

from reelbench.catalogue.models.model import Model, Published, part
from reelbench.catalogue.models.size import resizable
from reelbench.catalogue.preset import Input

HUNYUAN = (
    "Kong et al. 2024, arXiv:2412.03603; Tencent/HunyuanVideo hyvideo/modules/models.py; diffusers"
    " transformer_hunyuan_video.py"
)
CLASS = "diffusers transformer_hunyuan_video.py HunyuanVideoTransformer3DModel"
TEXT, POOLED = (256, 4096), (768,)


@resizable
def hunyuan(
    name: str,
    clip: tuple[int, int, int],
    depth: int,
    single_depth: int,
    width: int,
    heads: int,
    *published: Published,
) -> Model:
    """Write a model: a latent stands for 4×8×8 pixels, a token for 1×2×2 latents."""
    latent = ((clip[0] - 1) // 4 + 1, clip[1] // 8, clip[2] // 8)
    grid = (latent[0], latent[1] // 2, latent[2] // 2)
    tokens, x = (prod(grid), width), (*latent, 16)
    sizes: dict[str, Any] = {"num_heads": heads, "mlp_dim": 4 * width, "grid": grid}
    parts = (
        part("embedding", "embedding.TubeletEmbedding", {"x": x}, in_features=16,
             out_features=width, kernel_size=(1, 2, 2)),
        part("refiner", "refiner.TokenRefiner", {"text": TEXT, "timestep": ()},
             in_features=TEXT[1], features=width, num_heads=heads, mlp_dim=4 * width),
        part("conditioning", "refiner.PooledEmbedding",
             {"timestep": (), "pooled": POOLED, "guidance": ()}, pooled_features=POOLED[0],
             features=width, guidance=True),
        part("dual blocks", "mmdit.HunyuanDualBlock",
             {"x": tokens, "text": (TEXT[0], width), "conditioning": (width,)}, count=depth,
             in_features=width, **sizes),
        part("single blocks", "mmdit.HunyuanSingleBlock",
             {"x": (tokens[0] + TEXT[0], width), "conditioning": (width,)}, count=single_depth,
             in_features=width, **sizes),
        part("head", "denoised.ModulatedHead", {"x": tokens, "conditioning": (width,)},
             in_features=width, out_features=64),
    )  # fmt: skip
    inputs = {
        "x": Input(x),
        "text": Input(TEXT),
        "pooled": Input(POOLED),
        "timestep": Input(()),
        "guidance": Input(()),
    }
    options = {"features": width, "depth": depth, "single_depth": single_depth, **sizes}
    return Model("HunyuanVideo", name, clip, inputs, options, parts, HUNYUAN, published)


# fmt: off
MODELS = (
    hunyuan("hunyuanvideo", (129, 720, 1280), 20, 40, 3072, 24,
            Published("parameters", "12,821,012,544", CLASS),
            Published("flops", "12 P", "Xia et al. 2025, arXiv:2502.21079, abstract",
                      convention="about 600 PFLOPs for a 720p clip, presumably of 50 steps")),
)
# fmt: on
