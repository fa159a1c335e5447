"""Windowed attention: positions attend inside 3-D windows, which shift from block to block."""

from reelbench.catalogue.preset import preset

SWIN3D = "Liu et al. 2022, arXiv:2106.13230; torchvision models/video/swin_transformer.py"

# fmt: off
PRESETS = (
    # Second block of the first stage. Eight frames are one window: the shift that acts is 0, 3, 3.
    preset("SwinBlock3D", "swin3d-t-window", clip=(16, 224, 224), inputs={"x": (8, 56, 56, 96)},
           options={"in_features": 96, "num_heads": 3, "mlp_dim": 384,
                    "window": (8, 7, 7), "shift": (4, 3, 3)},
           source=SWIN3D, core=True),
)
# fmt: on
