"""Diffusion transformer of HunyuanVideo: text and video tokens attend in one sequence.

In dual-stream blocks they have weights of their own, in single-stream blocks they share them.
"""

from reelbench.catalogue.preset import Preset, preset

HUNYUAN = (
    "Kong et al. 2024, arXiv:2412.03603; Tencent/HunyuanVideo hyvideo/modules/models.py; diffusers"
    " transformer_hunyuan_video.py"
)
TEXT_TOKENS, WIDTH, HEADS = 256, 3072, 24


def _hunyuan(name: str, layer: str, clip: tuple[int, int, int], **rest: bool) -> Preset:
    """Write a row: a latent stands for 4×8×8 pixels, a token for 1×2×2 latents."""
    grid = ((clip[0] - 1) // 4 + 1, clip[1] // 16, clip[2] // 16)
    tokens = grid[0] * grid[1] * grid[2]
    streams = {
        "HunyuanDualBlock": {"x": (tokens, WIDTH), "text": (TEXT_TOKENS, WIDTH)},
        "HunyuanSingleBlock": {"x": (tokens + TEXT_TOKENS, WIDTH)},
    }
    return preset(
        layer,
        name,
        clip=clip,
        inputs={**streams[layer], "conditioning": (WIDTH,)},
        options={"in_features": WIDTH, "num_heads": HEADS, "mlp_dim": 4 * WIDTH, "grid": grid},
        source=HUNYUAN,
        **rest,
    )


# Nobody published the clip of the small rows: it is short enough for a CPU.
# fmt: off
PRESETS = (
    _hunyuan("hunyuanvideo-dual-block",         "HunyuanDualBlock",   (129, 720, 1280)),
    _hunyuan("hunyuanvideo-dual-block-small",   "HunyuanDualBlock",   (5, 64, 128), assumed=True),
    _hunyuan("hunyuanvideo-single-block",       "HunyuanSingleBlock", (129, 720, 1280)),
    _hunyuan("hunyuanvideo-single-block-small", "HunyuanSingleBlock", (5, 64, 128), assumed=True),
)
# fmt: on
