"""Causal 3-D convolution: an output frame depends on its own input frame and earlier ones only.

A video can then be computed chunk by chunk, keeping the last frames of the chunk before.
"""

from reelbench.catalogue.preset import preset

WAN = "Wan Team 2025, arXiv:2503.20314; Wan2.1 wan/modules/vae.py"
HUNYUAN = (
    "Kong et al. 2024, arXiv:2412.03603; "
    "diffusers models/autoencoders/autoencoder_kl_hunyuan_video.py"
)

# fmt: off
PRESETS = (
    # Assumed: the clip. The channels are those of the encoder's first level.
    preset("CausalConv3D", "wan-vae-causal-conv", clip=(5, 64, 64),
           inputs={"x": (5, 64, 64, 96)}, options={"in_features": 96, "out_features": 96},
           source=WAN, assumed=True, core=True),
    # As above, but the clip is continued by its nearest pixels instead of zeros.
    preset("CausalConv3D", "hunyuan-vae-causal-conv", clip=(5, 64, 64),
           inputs={"x": (5, 64, 64, 128)},
           options={"in_features": 128, "out_features": 128, "border": "nearest"},
           source=HUNYUAN, assumed=True),
)
# fmt: on
