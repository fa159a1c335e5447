"""Dense 3-D convolution: every output position mixes all channels of a T×H×W neighbourhood.

Bare, and in the layers of the residual CNNs that are made of it: stems, basic and bottleneck
blocks, max pooling, the lateral connection between two pathways.
"""

from reelbench.catalogue.preset import preset

R3D = "Tran et al. 2018, arXiv:1711.11248; torchvision models/video/resnet.py"
I3D = "Wang et al. 2018, arXiv:1711.07971; PyTorchVideo models/hub/resnet.py, i3d_r50"
S3D = "Xie et al. 2018, arXiv:1712.04851; torchvision models/video/s3d.py"
SLOWFAST = "Feichtenhofer et al. 2019, arXiv:1812.03982; PySlowFast SLOWFAST_8x8_R50.yaml"

# fmt: off
PRESETS = (
    preset("Conv3D", "r3d-layer1", clip=(16, 112, 112), inputs={"x": (16, 56, 56, 64)},
           options={"in_features": 64, "out_features": 64}, source=R3D, core=True),
    preset("Conv3D", "r3d-layer4", clip=(16, 112, 112), inputs={"x": (2, 7, 7, 512)},
           options={"in_features": 512, "out_features": 512}, source=R3D, core=True),
    preset("ConvStem", "r3d-stem", clip=(16, 112, 112), inputs={"x": (16, 112, 112, 3)},
           options={"in_features": 3, "out_features": 64}, source=R3D),
    preset("BasicBlock", "r3d-block1", clip=(16, 112, 112), inputs={"x": (16, 56, 56, 64)},
           options={"in_features": 64, "out_features": 64}, source=R3D),
    preset("BasicBlock", "r3d-block4", clip=(16, 112, 112), inputs={"x": (4, 14, 14, 256)},
           options={"in_features": 256, "out_features": 512, "strides": (2, 2, 2)}, source=R3D),
    preset("BasicBlock", "mc3-layer2", clip=(16, 112, 112), inputs={"x": (16, 28, 28, 128)},
           options={"in_features": 128, "out_features": 128, "kernel_size": (1, 3, 3)}, source=R3D),
    preset("Bottleneck", "i3d-res2", clip=(8, 224, 224), inputs={"x": (8, 56, 56, 256)},
           options={"in_features": 256, "mid_features": 64, "out_features": 256,
                    "temporal_kernel": 3}, source=I3D),
    preset("ConvStem", "slowfast-fast-stem", clip=(32, 224, 224), inputs={"x": (32, 224, 224, 3)},
           options={"in_features": 3, "out_features": 8, "kernel_size": (5, 7, 7), "pool": True},
           source=SLOWFAST),
    preset("Bottleneck", "slowfast-slow-res4", clip=(32, 224, 224), inputs={"x": (8, 14, 14, 1024)},
           options={"in_features": 1024, "mid_features": 256, "out_features": 1024,
                    "temporal_kernel": 3}, source=SLOWFAST),
    preset("Bottleneck", "slowfast-fast-res4", clip=(32, 224, 224), inputs={"x": (32, 14, 14, 128)},
           options={"in_features": 128, "mid_features": 32, "out_features": 128,
                    "temporal_kernel": 3}, source=SLOWFAST),
    preset("LateralFusion", "slowfast-lateral", clip=(32, 224, 224),
           inputs={"slow": (8, 56, 56, 256), "fast": (32, 56, 56, 32)},
           options={"in_features": 32, "out_features": 64}, source=SLOWFAST),
    preset("MaxPool3D", "s3d-pool1", clip=(16, 224, 224), inputs={"x": (8, 112, 112, 64)},
           options={"window": (1, 3, 3), "strides": (1, 2, 2), "padding": (0, 1, 1)}, source=S3D),
    preset("MaxPool3D", "s3d-pool3", clip=(16, 224, 224), inputs={"x": (8, 28, 28, 480)},
           options={"window": (3, 3, 3), "strides": (2, 2, 2), "padding": (1, 1, 1)}, source=S3D),
)
# fmt: on
