"""Factorised 3-D convolution: a convolution over space, then one over time.

The pair has the parameters of one dense 3-D convolution, but a nonlinearity stands between them.
"""

from reelbench.catalogue.preset import preset

R2PLUS1D = "Tran et al. 2018, arXiv:1711.11248; torchvision models/video/resnet.py"

# fmt: off
PRESETS = (
    preset("R2Plus1DBlock", "r2plus1d-layer1", clip=(16, 112, 112), inputs={"x": (16, 56, 56, 64)},
           options={"in_features": 64, "out_features": 64}, source=R2PLUS1D, core=True),
)
# fmt: on
