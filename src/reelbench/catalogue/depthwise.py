"""Depthwise 3-D convolution: each channel is convolved alone; 1×1×1 convolutions mix channels.

It needs few operations for the bytes that it moves, so its speed says more of memory and of the
convolution kernels at hand than of the multipliers.
"""

from reelbench.catalogue.preset import preset

X3D = "Feichtenhofer 2020, arXiv:2004.04730; PyTorchVideo models/x3d.py"

# fmt: off
PRESETS = (
    preset("X3DBlock", "x3d-m-res4", clip=(16, 224, 224), inputs={"x": (16, 14, 14, 96)},
           options={"in_features": 96, "mid_features": 216, "out_features": 96, "se_ratio": 1 / 16},
           source=X3D, core=True),
    preset("X3DStem", "x3d-m-stem", clip=(16, 224, 224), inputs={"x": (16, 224, 224, 3)},
           options={"in_features": 3, "out_features": 24}, source=X3D),
    preset("X3DHead", "x3d-m-head", clip=(16, 224, 224), inputs={"x": (16, 7, 7, 192)},
           options={"in_features": 192, "mid_features": 432, "head_features": 2048,
                    "num_classes": 400}, source=X3D),
)
# fmt: on
