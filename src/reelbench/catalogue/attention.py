"""Joint space-time attention: a transformer block in which all tokens of a clip see each other."""

from reelbench.catalogue.preset import preset

VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_finetune.py"
VIVIT = "Arnab et al. 2021, arXiv:2103.15691; scenic projects/vivit/model.py"

# fmt: off
PRESETS = (
    preset("JointAttentionBlock", "videomae-b-joint", clip=(16, 224, 224),
           inputs={"x": (1568, 768)},
           options={"in_features": 768, "num_heads": 12, "mlp_dim": 3072, "qkv_bias": "qv"},
           source=VIDEOMAE, core=True),
    preset("JointAttentionBlock", "vivit-b-joint", clip=(32, 224, 224),
           inputs={"x": (3137, 768)},
           options={"in_features": 768, "num_heads": 12, "mlp_dim": 3072, "qkv_bias": True,
                    "gelu": "tanh"},
           source=VIVIT),
)
# fmt: on
