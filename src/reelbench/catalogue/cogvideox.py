"""Diffusion transformer of CogVideoX: text and video share all weights but the modulation.

They attend in one sequence; each has shifts, scales and gates of its own (expert adaptive
LayerNorm). The 5B model rotates queries and keys, the 2B model adds positions to the tokens.
"""

from reelbench.catalogue.preset import Preset, preset

COG = "Yang et al. 2024, arXiv:2408.06072; diffusers cogvideox_transformer_3d.py"
TEXT_TOKENS = 226


def _cog(
    name: str, clip: tuple[int, int, int], heads: int, rotary: bool, assumed: bool = False
) -> Preset:
    """Write a row: a latent stands for 4×8×8 pixels, a token for 1×2×2 latents."""
    width = 64 * heads
    grid = ((clip[0] - 1) // 4 + 1, clip[1] // 16, clip[2] // 16)
    return preset(
        "CogVideoXBlock",
        name,
        clip=clip,
        inputs={
            "x": (grid[0] * grid[1] * grid[2], width),
            "text": (TEXT_TOKENS, width),
            "conditioning": (512,),
        },
        options={
            "in_features": width,
            "num_heads": heads,
            "mlp_dim": 4 * width,
            "grid": grid,
            "rotary": rotary,
        },
        source=COG,
        assumed=assumed,
    )


# Nobody published the clip of the small row: it is short enough for a CPU.
# fmt: off
PRESETS = (
    _cog("cogvideox-2b-block",       (49, 480, 720), 30, rotary=False),
    _cog("cogvideox-2b-block-small", (9, 128, 192),  30, rotary=False, assumed=True),
    _cog("cogvideox-5b-block",       (49, 480, 720), 48, rotary=True),
    _cog("cogvideox-5b-block-small", (9, 128, 128),  48, rotary=True, assumed=True),
)
# fmt: on
