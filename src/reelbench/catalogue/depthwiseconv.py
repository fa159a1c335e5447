"""Depthwise 3-D convolutions alone, without the blocks around them.

How far one is from the machine's memory and arithmetic shows here; in a block its 1×1×1
convolutions and norms hide it.
"""

from reelbench.catalogue.preset import preset

CSN = "Tran et al. 2019, arXiv:1904.02811; PyTorchVideo models/csn.py"
X3D = "Feichtenhofer 2020, arXiv:2004.04730; PyTorchVideo models/x3d.py"

# fmt: off
PRESETS = (
    preset("DepthwiseConv3D", "x3d-m-res3-depthwise", clip=(16, 224, 224),
           inputs={"x": (16, 28, 28, 108)}, options={"features": 108}, source=X3D),
    preset("DepthwiseConv3D", "x3d-m-res4-depthwise", clip=(16, 224, 224),
           inputs={"x": (16, 14, 14, 216)}, options={"features": 216}, source=X3D),
    preset("DepthwiseConv3D", "csn-r101-res2-depthwise", clip=(32, 224, 224),
           inputs={"x": (32, 56, 56, 64)}, options={"features": 64}, source=CSN),
)
# fmt: on
