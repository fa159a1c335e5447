"""Factorised 3-D convolution: a convolution over space, then one over time.

The pair has the parameters of one dense 3-D convolution, but a nonlinearity stands between them.
"""

from reelbench.catalogue.preset import preset

R2PLUS1D = "Tran et al. 2018, arXiv:1711.11248; torchvision models/video/resnet.py"
R2PLUS1D_50 = "Tran et al. 2018, arXiv:1711.11248; PyTorchVideo models/r2plus1d.py"
S3D = "Xie et al. 2018, arXiv:1712.04851; torchvision models/video/s3d.py"

# fmt: off
PRESETS = (
    preset("R2Plus1DBlock", "r2plus1d-layer1", clip=(16, 112, 112), inputs={"x": (16, 56, 56, 64)},
           options={"in_features": 64, "out_features": 64}, source=R2PLUS1D, core=True),
    preset("R2Plus1DStem", "r2plus1d-stem", clip=(16, 112, 112), inputs={"x": (16, 112, 112, 3)},
           options={"in_features": 3, "mid_features": 45, "out_features": 64}, source=R2PLUS1D),
    preset("R2Plus1DBottleneck", "r2plus1d-r50-res4", clip=(16, 224, 224),
           inputs={"x": (8, 14, 14, 1024)},
           options={"in_features": 1024, "mid_features": 256, "out_features": 1024},
           source=R2PLUS1D_50),
    preset("SeparableConv3D", "s3d-stem", clip=(16, 224, 224), inputs={"x": (16, 224, 224, 3)},
           options={"in_features": 3, "out_features": 64, "kernel_length": 7, "stride": 2},
           source=S3D),
    preset("SepInception", "s3d-inception", clip=(16, 224, 224), inputs={"x": (8, 28, 28, 192)},
           options={"in_features": 192, "point_features": 64, "first_features": (96, 128),
                    "second_features": (16, 32), "pool_features": 32}, source=S3D),
)
# fmt: on
