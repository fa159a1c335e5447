"""Classification heads of CNNs: average pooling, then a linear layer."""

from reelbench.catalogue.preset import preset

R3D = "Tran et al. 2018, arXiv:1711.11248; torchvision models/video/resnet.py"
S3D = "Xie et al. 2018, arXiv:1712.04851; torchvision models/video/s3d.py"
SLOWFAST = "Feichtenhofer et al. 2019, arXiv:1812.03982; PyTorchVideo models/slowfast.py"
TSM = "Lin et al. 2019, arXiv:1811.08383; temporal-shift-module ops/models.py"

# fmt: off
PRESETS = (
    preset("PoolingHead", "r3d-head", clip=(16, 112, 112), inputs={"x": (2, 7, 7, 512)},
           options={"in_features": 512, "num_classes": 400}, source=R3D),
    preset("PoolingHead", "s3d-head", clip=(16, 224, 224), inputs={"x": (2, 7, 7, 1024)},
           options={"in_features": 1024, "num_classes": 400, "window": (2, 7, 7)}, source=S3D),
    preset("PoolingHead", "tsm-head", clip=(8, 224, 224), inputs={"x": (8, 7, 7, 2048)},
           options={"in_features": 2048, "num_classes": 400, "window": (1, 7, 7)}, source=TSM),
    preset("SlowFastHead", "slowfast-head", clip=(32, 224, 224),
           inputs={"slow": (8, 7, 7, 2048), "fast": (32, 7, 7, 256)},
           options={"slow_features": 2048, "fast_features": 256, "num_classes": 400,
                    "slow_window": (8, 7, 7), "fast_window": (32, 7, 7)}, source=SLOWFAST),
)
# fmt: on
