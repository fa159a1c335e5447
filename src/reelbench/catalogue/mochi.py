"""Diffusion transformer of Mochi 1: a narrow stream of text joins a wide one of video.

Both have weights of their own and attend in one sequence at the video's width; rotary frequencies
are learned.
"""

from reelbench.catalogue.preset import Input, Preset, preset

MOCHI = (
    "Genmo 2024; genmoai/mochi README.md, src/genmo/mochi_preview/dit/joint_model; diffusers"
    " transformer_mochi.py"
)
TEXT = (256, 1536)


def _mochi(name: str, clip: tuple[int, int, int], width: int, heads: int, **rest: bool) -> Preset:
    """Write a row: a latent stands for 6×8×8 pixels, a token for 1×2×2 latents."""
    tokens = ((clip[0] - 1) // 6 + 1) * (clip[1] // 16) * (clip[2] // 16)
    return preset(
        "MochiBlock",
        name,
        clip=clip,
        inputs={
            "x": (tokens, width),
            "text": TEXT,
            "conditioning": (width,),
            "angles": Input((tokens, heads, width // heads // 2), values="unit", batched=False),
        },
        options={
            "in_features": width,
            "text_features": TEXT[1],
            "num_heads": heads,
            "mlp_dim": 8 * width // 3,
            "text_mlp_dim": 8 * TEXT[1] // 3,
        },
        source=MOCHI,
        **rest,
    )


# Nobody published the clip of the small row: it is short enough for a CPU.
# fmt: off
PRESETS = (
    _mochi("mochi-1-block",       (163, 480, 848), 3072, 24),
    _mochi("mochi-1-block-small", (13, 128, 128),  3072, 24, assumed=True),
)
# fmt: on
