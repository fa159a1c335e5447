"""Diffusion transformer of Step-Video-T2V: wide blocks on a strongly compressed latent.

Cross-attention to two encodings of the text, modulations shared by all blocks, no biases.
"""

from reelbench.catalogue.preset import Preset, preset

STEP = (
    "Step-Video Team 2025, arXiv:2502.10248; stepfun-ai/Step-Video-T2V stepvideo/modules/blocks.py"
)
TEXT_TOKENS = 320 + 77


def _step(name: str, clip: tuple[int, int, int], width: int, heads: int, **rest: bool) -> Preset:
    """Write a row: 17 frames become 3 latents; a token stands for 16×16 pixels of a latent."""
    grid = (clip[0] // 17 * 3, clip[1] // 16, clip[2] // 16)
    return preset(
        "StepVideoBlock",
        name,
        clip=clip,
        inputs={
            "x": (grid[0] * grid[1] * grid[2], width),
            "text": (TEXT_TOKENS, width),
            "modulation": (6, width),
        },
        options={"in_features": width, "num_heads": heads, "mlp_dim": 4 * width, "grid": grid},
        source=STEP,
        **rest,
    )


# Nobody published the clip of the small row: it is short enough for a CPU.
# fmt: off
PRESETS = (
    _step("step-video-block",       (204, 544, 992), 6144, 48),
    _step("step-video-block-small", (17, 64, 64),    6144, 48, assumed=True),
)
# fmt: on
