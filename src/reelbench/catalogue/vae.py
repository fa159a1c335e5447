"""Blocks of causal video autoencoders, which compress a clip for a diffusion model.

Their outer levels have few channels at the clip's own resolution: activations are far larger than
parameters.
"""

from reelbench.catalogue.preset import preset

WAN = "Wan Team 2025, arXiv:2503.20314; diffusers models/autoencoders/autoencoder_kl_wan.py"

# fmt: off
PRESETS = (
    # The encoder's first level: the clip's own resolution, base width 96.
    # Assumed: a crop small enough for any machine (1 + 4 frames, as the encoder's first chunks).
    preset("WanResidualBlock", "wan-vae-residual", clip=(5, 64, 64),
           inputs={"x": (5, 64, 64, 96)}, options={"in_features": 96, "out_features": 96},
           source=WAN, assumed=True, core=True),
    preset("WanResidualBlock", "wan-vae-residual-480p", clip=(81, 480, 832),
           inputs={"x": (81, 480, 832, 96)}, options={"in_features": 96, "out_features": 96},
           source=WAN),
)
# fmt: on
