"""Embedding: a clip is cut into tubelets, and each becomes a token by one linear map.

Tubelets tile the clip or overlap; a class token, a table of positions or a norm may follow.
"""

from reelbench.catalogue.preset import preset

VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_finetune.py"
VIVIT = "Arnab et al. 2021, arXiv:2103.15691; scenic projects/vivit/model.py"
TIMESFORMER = "Bertasius et al. 2021, arXiv:2102.05095; TimeSformer timesformer/models/vit.py"
VJEPA2 = "Assran et al. 2025, arXiv:2506.09985; vjepa2 src/models/vision_transformer.py"
MVIT = "Li et al. 2022, arXiv:2112.01526; torchvision models/video/mvit.py mvit_v2_s"
SWIN = "Liu et al. 2021, arXiv:2106.13230; torchvision models/video/swin_transformer.py swin3d_t"

_RGB = {"in_features": 3}
_MVIT = {
    "kernel_size": (3, 7, 7),
    "strides": (2, 4, 4),
    "padding": ((1, 1), (3, 3), (3, 3)),
    "positions": "none",
}

# fmt: off
PRESETS = (
    preset("TubeletEmbedding", "videomae-tubelet", clip=(16, 224, 224),
           inputs={"x": (16, 224, 224, 3)},
           options={"in_features": 3, "out_features": 768, "kernel_size": (2, 16, 16)},
           source=VIDEOMAE, core=True),
    preset("ClipEmbedding", "vivit-b-embed", clip=(32, 224, 224),
           inputs={"x": (32, 224, 224, 3)},
           options=_RGB | {"out_features": 768, "tokens": 3136, "positions": "learned",
                           "class_token": True},
           source=VIVIT),
    preset("FrameEmbedding", "vivit-fe-b-embed", clip=(32, 224, 224),
           inputs={"x": (32, 224, 224, 3)},
           options=_RGB | {"out_features": 768, "places": 196},
           source=VIVIT),
    preset("DividedEmbedding", "timesformer-embed", clip=(8, 224, 224),
           inputs={"x": (8, 224, 224, 3)},
           options=_RGB | {"out_features": 768, "places": 196, "num_frames": 8},
           source=TIMESFORMER),
    preset("TubeletEmbedding", "vjepa2-l-tubelet-16x256", clip=(16, 256, 256),
           inputs={"x": (16, 256, 256, 3)}, options=_RGB | {"out_features": 1024},
           source=VJEPA2),
    preset("TubeletEmbedding", "vjepa2-g-tubelet-64x256", clip=(64, 256, 256),
           inputs={"x": (64, 256, 256, 3)}, options=_RGB | {"out_features": 1408},
           source=VJEPA2),
    preset("TubeletEmbedding", "vjepa2-g-tubelet-64x384", clip=(64, 384, 384),
           inputs={"x": (64, 384, 384, 3)}, options=_RGB | {"out_features": 1408},
           source=VJEPA2),
    preset("ClipEmbedding", "mvit-v2-s-embed", clip=(16, 224, 224),
           inputs={"x": (16, 224, 224, 3)},
           options=_RGB | _MVIT | {"out_features": 96, "tokens": 25088, "class_token": True},
           source=MVIT),
    preset("GridEmbedding", "swin3d-t-embed", clip=(16, 224, 224),
           inputs={"x": (16, 224, 224, 3)}, options=_RGB | {"out_features": 96},
           source=SWIN),
)
# fmt: on
