"""Dense 3-D convolution: every output position mixes all channels of a T×H×W neighbourhood."""

from reelbench.catalogue.preset import preset

R3D = "Tran et al. 2018, arXiv:1711.11248; torchvision models/video/resnet.py"

# fmt: off
PRESETS = (
    preset("Conv3D", "r3d-layer1", clip=(16, 112, 112), inputs={"x": (16, 56, 56, 64)},
           options={"in_features": 64, "out_features": 64}, source=R3D, core=True),
    preset("Conv3D", "r3d-layer4", clip=(16, 112, 112), inputs={"x": (2, 7, 7, 512)},
           options={"in_features": 512, "out_features": 512}, source=R3D, core=True),
)
# fmt: on
