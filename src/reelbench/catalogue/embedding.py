"""Embedding: a clip is cut into tubelets, and each becomes a token by one linear map."""

from reelbench.catalogue.preset import preset

VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_finetune.py"

# fmt: off
PRESETS = (
    preset("TubeletEmbedding", "videomae-tubelet", clip=(16, 224, 224),
           inputs={"x": (16, 224, 224, 3)},
           options={"in_features": 3, "out_features": 768, "kernel_size": (2, 16, 16)},
           source=VIDEOMAE, core=True),
)
# fmt: on
