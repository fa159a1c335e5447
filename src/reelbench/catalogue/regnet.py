"""Blocks of RegNet, an image network of few rules: 1×1, grouped 3×3, a gate, 1×1."""

from reelbench.catalogue.preset import preset

REGNET = "Radosavovic et al. 2020, arXiv:2003.13678; torchvision models/regnet.py"
FRAME = (1, 224, 224)

# fmt: off
PRESETS = (
    preset("RegNetStem", "regnet-stem", clip=FRAME, inputs={"x": (1, 224, 224, 3)},
           options={"in_features": 3, "out_features": 32}, source=REGNET),
    preset("RegNetBlock", "regnet-y-1.6gf-stage3", clip=FRAME, inputs={"x": (1, 14, 14, 336)},
           options={"in_features": 336, "out_features": 336, "group_width": 24}, source=REGNET),
    preset("RegNetBlock", "regnet-y-3.2gf-stage3", clip=FRAME, inputs={"x": (1, 14, 14, 576)},
           options={"in_features": 576, "out_features": 576, "group_width": 24}, source=REGNET),
    preset("RegNetBlock", "regnet-x-3.2gf-stage3", clip=FRAME, inputs={"x": (1, 14, 14, 432)},
           options={"in_features": 432, "out_features": 432, "group_width": 48, "se_ratio": 0.0},
           source=REGNET),
)
# fmt: on
