"""Diffusion transformer of Wan: joint attention over all space-time tokens of a latent clip.

A text condition enters by cross-attention, the diffusion step by shifts, scales and gates.
"""

from reelbench.catalogue.preset import Preset, preset

WAN = (
    "Wan Team 2025, arXiv:2503.20314; Wan-Video/Wan2.1 wan/modules/model.py,"
    " wan/configs/wan_t2v_1_3B.py and wan_t2v_14B.py"
)
TEXT_TOKENS = 512


def _wan(
    name: str, clip: tuple[int, int, int], width: int, heads: int, mlp: int, **rest: bool
) -> Preset:
    """Write a row: a latent stands for 4×8×8 pixels, a token for 1×2×2 latents."""
    grid = ((clip[0] - 1) // 4 + 1, clip[1] // 16, clip[2] // 16)
    tokens = grid[0] * grid[1] * grid[2]
    return preset(
        "WanBlock",
        name,
        clip=clip,
        inputs={
            "x": (tokens, width),
            "text": (TEXT_TOKENS, width),
            "modulation": (6, width),
        },
        options={"in_features": width, "num_heads": heads, "mlp_dim": mlp, "grid": grid},
        source=WAN,
        **rest,
    )


# Nobody published the clips of the small rows: they are short enough for a CPU.
# fmt: off
PRESETS = (
    _wan("wan2.1-1.3b-block-small", (17, 128, 224),  1536, 12,  8960, core=True, assumed=True),
    _wan("wan2.1-1.3b-block",       (81, 480, 832),  1536, 12,  8960),
    _wan("wan2.1-14b-block",        (81, 720, 1280), 5120, 40, 13824),
    _wan("wan2.1-14b-block-small",  (5, 64, 128),    5120, 40, 13824, assumed=True),
)
# fmt: on
