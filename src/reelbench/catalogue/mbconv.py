"""Blocks of EfficientNet, the image network of LSS and EfficientDet: narrow, wide, narrow again.

A clip is what the cameras take at one instant; the first axis of an input counts cameras.
"""

from reelbench.catalogue.preset import preset

LSS = (
    "Tan and Le 2019, arXiv:1905.11946, table 1, at the 128×352 images of Philion and Fidler 2020,"
    " arXiv:2008.05711; lukemelas/EfficientNet-PyTorch efficientnet_pytorch/utils.py"
)
RIG = (6, 128, 352)

# fmt: off
PRESETS = (
    preset("MBConvStem", "efficientnet-b0-stem", clip=RIG, inputs={"x": (6, 128, 352, 3)},
           options={"in_features": 3, "out_features": 32}, source=LSS),
    preset("MBConv", "efficientnet-b0-stage2", clip=RIG, inputs={"x": (6, 64, 176, 16)},
           options={"in_features": 16, "out_features": 24, "strides": (2, 2)}, source=LSS),
    preset("MBConv", "efficientnet-b0-stage5", clip=RIG, inputs={"x": (6, 8, 22, 112)},
           options={"in_features": 112, "out_features": 112, "kernel_size": 5}, source=LSS),
)
# fmt: on
