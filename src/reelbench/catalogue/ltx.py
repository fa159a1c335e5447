"""Diffusion transformer of LTX-Video: few tokens, each for 8×32×32 pixels.

Cross-attention to the text, modulations shared by all blocks, fractional rotary positions.
"""

from reelbench.catalogue.preset import Preset, preset

LTX = "HaCohen et al. 2024, arXiv:2501.00103; diffusers transformer_ltx.py, pipeline_ltx.py"
TEXT_TOKENS = 128


def _ltx(name: str, clip: tuple[int, int, int], width: int, heads: int, **rest: bool) -> Preset:
    """Write a row: a token stands for 8×32×32 pixels."""
    grid = ((clip[0] - 1) // 8 + 1, clip[1] // 32, clip[2] // 32)
    return preset(
        "LTXBlock",
        name,
        clip=clip,
        inputs={
            "x": (grid[0] * grid[1] * grid[2], width),
            "text": (TEXT_TOKENS, width),
            "modulation": (6, width),
        },
        options={"in_features": width, "num_heads": heads, "mlp_dim": 4 * width, "grid": grid},
        source=LTX,
        **rest,
    )


# Nobody published the clip of the small row: it is short enough for a CPU.
# fmt: off
PRESETS = (
    _ltx("ltx-video-2b-block",       (161, 512, 704), 2048, 32),
    _ltx("ltx-video-2b-block-small", (17, 256, 256),  2048, 32, assumed=True),
)
# fmt: on
