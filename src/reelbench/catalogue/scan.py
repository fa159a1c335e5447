"""Selective scans: a linear recurrence over all tokens of a clip whose gates depend on the input.

Work grows with the number of tokens, not with its square.
"""

from reelbench.catalogue.preset import preset

VIDEOMAMBA = "Li et al. 2024, arXiv:2403.06977; OpenGVLab/VideoMamba video_sm/models/videomamba.py"
MAMBA = "Gu and Dao 2023, arXiv:2312.00752; OpenGVLab/VideoMamba mamba_ssm/modules/mamba_simple.py"

# fmt: off
PRESETS = (
    # State 16, twice the width inside, convolution over 4 tokens, step sizes from 12 channels. The
    # first token is the class token.
    preset("MambaBlock", "videomamba-ti-scan", clip=(8, 224, 224), inputs={"x": (1 + 8 * 196, 192)},
           options={"in_features": 192}, source=VIDEOMAMBA),
    preset("MambaBlock", "videomamba-ti-64-scan", clip=(64, 224, 224),
           inputs={"x": (1 + 64 * 196, 192)},
           options={"in_features": 192}, source=VIDEOMAMBA),
    preset("MambaBlock", "videomamba-m-scan", clip=(8, 224, 224), inputs={"x": (1 + 8 * 196, 576)},
           options={"in_features": 576}, source=VIDEOMAMBA),
    # The block of language models, which sees the past only, at the same size.
    preset("MambaBlock", "mamba-causal-ti", clip=(8, 224, 224), inputs={"x": (1 + 8 * 196, 192)},
           options={"in_features": 192, "bidirectional": False}, source=MAMBA, assumed=True),
    preset("FrameEmbedding", "videomamba-ti-stem", clip=(8, 224, 224),
           inputs={"x": (8, 224, 224, 3)},
           options={"in_features": 3, "out_features": 192, "frames": 8, "places": 196},
           source=VIDEOMAMBA),
)
# fmt: on
