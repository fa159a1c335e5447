"""Diffusion transformer of Cosmos 1.0: cross-attention to the text, low-rank modulations.

Every block adds a learned position to its tokens and has a narrow pair of linear maps for each of
its three modulations (adaLN-LoRA).
"""

from reelbench.catalogue.preset import Input, Preset, preset

COSMOS = "NVIDIA 2025, arXiv:2501.03575; diffusers transformer_cosmos.py"
TEXT = (512, 1024)


def _cosmos(name: str, clip: tuple[int, int, int], heads: int, **rest: bool) -> Preset:
    """Write a row: a latent stands for 8×8×8 pixels, a token for 1×2×2 latents."""
    width = 128 * heads
    grid = ((clip[0] - 1) // 8 + 1, clip[1] // 16, clip[2] // 16)
    tokens = (grid[0] * grid[1] * grid[2], width)
    return preset(
        "CosmosBlock",
        name,
        clip=clip,
        inputs={
            "x": tokens,
            "text": TEXT,
            "embedded": (width,),
            "modulation": (3 * width,),
            "position": Input(tokens, batched=False),
        },
        options={"in_features": width, "num_heads": heads, "mlp_dim": 4 * width, "grid": grid},
        source=COSMOS,
        **rest,
    )


# Nobody published the clip of the small row: it is short enough for a CPU.
# fmt: off
PRESETS = (
    _cosmos("cosmos-1.0-7b-block",       (121, 704, 1280), 32),
    _cosmos("cosmos-1.0-7b-block-small", (17, 64, 128),    32, assumed=True),
)
# fmt: on
