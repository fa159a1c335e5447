"""Channel-separated 3-D convolution: a residual bottleneck whose only 3×3×3 kernel is depthwise.

Nearly all multiplications are those of the 1×1×1 convolutions around it.
"""

from reelbench.catalogue.preset import preset

CSN = "Tran et al. 2019, arXiv:1904.02811; PyTorchVideo models/csn.py"

# fmt: off
PRESETS = (
    preset("CSNBlock", "csn-r101-res4", clip=(32, 224, 224), inputs={"x": (16, 14, 14, 1024)},
           options={"in_features": 1024, "mid_features": 256, "out_features": 1024}, source=CSN),
    preset("CSNBlock", "csn-r101-res2", clip=(32, 224, 224), inputs={"x": (32, 56, 56, 256)},
           options={"in_features": 256, "mid_features": 64, "out_features": 256}, source=CSN),
    preset("CSNStem", "csn-r101-stem", clip=(32, 224, 224), inputs={"x": (32, 224, 224, 3)},
           options={"in_features": 3, "out_features": 64}, source=CSN),
)
# fmt: on
