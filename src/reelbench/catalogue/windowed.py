"""Windowed attention: positions attend inside 3-D windows, which shift from block to block.

Between the stages of blocks, neighbours of a frame are merged.
"""

from reelbench.catalogue.preset import preset

SWIN3D = "Liu et al. 2022, arXiv:2106.13230; torchvision models/video/swin_transformer.py"

# fmt: off
PRESETS = (
    # Second block of the first stage. Eight frames are one window: the shift that acts is 0, 3, 3.
    preset("SwinBlock3D", "swin3d-t-window", clip=(16, 224, 224), inputs={"x": (8, 56, 56, 96)},
           options={"in_features": 96, "num_heads": 3, "mlp_dim": 384,
                    "window": (8, 7, 7), "shift": (4, 3, 3)},
           source=SWIN3D, core=True),
    preset("SwinBlock3D", "swin3d-t-stage2", clip=(16, 224, 224), inputs={"x": (8, 28, 28, 192)},
           options={"in_features": 192, "num_heads": 6, "mlp_dim": 768,
                    "window": (8, 7, 7), "shift": (4, 3, 3)},
           source=SWIN3D),
    preset("SwinBlock3D", "swin3d-t-stage3", clip=(16, 224, 224), inputs={"x": (8, 14, 14, 384)},
           options={"in_features": 384, "num_heads": 12, "mlp_dim": 1536,
                    "window": (8, 7, 7), "shift": (4, 3, 3)},
           source=SWIN3D),
    # One window: nothing is shifted.
    preset("SwinBlock3D", "swin3d-t-stage4", clip=(16, 224, 224), inputs={"x": (8, 7, 7, 768)},
           options={"in_features": 768, "num_heads": 24, "mlp_dim": 3072,
                    "window": (8, 7, 7), "shift": (4, 3, 3)},
           source=SWIN3D),
    # Two windows of time, the clip that the paper trains on: the shift acts along time too.
    preset("SwinBlock3D", "swin3d-b-stage3-32", clip=(32, 224, 224),
           inputs={"x": (16, 14, 14, 512)},
           options={"in_features": 512, "num_heads": 16, "mlp_dim": 2048,
                    "window": (8, 7, 7), "shift": (4, 3, 3)},
           source=SWIN3D),
    preset("PatchEmbedding3D", "swin3d-t-stem", clip=(16, 224, 224),
           inputs={"x": (16, 224, 224, 3)},
           options={"in_features": 3, "out_features": 96, "patch": (2, 4, 4)}, source=SWIN3D),
    preset("PatchMerging", "swin3d-t-merging", clip=(16, 224, 224), inputs={"x": (8, 56, 56, 96)},
           options={"in_features": 96}, source=SWIN3D),
)
# fmt: on
