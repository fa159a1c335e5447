"""Joint space-time attention: a transformer block in which all tokens of a clip see each other.

Also the blocks over the tokens of one frame or one token a frame, attention of a few queries to
all tokens, and heads.
"""

from reelbench.catalogue.preset import preset

VIDEOMAE = "Tong et al. 2022, arXiv:2203.12602; MCG-NJU/VideoMAE modeling_finetune.py"
VIVIT = "Arnab et al. 2021, arXiv:2103.15691; scenic projects/vivit/model.py"
VJEPA2 = "Assran et al. 2025, arXiv:2506.09985; vjepa2 src/models/utils/modules.py"
POOLER = "vjepa2 src/models/attentive_pooler.py; configs/eval/vitl/ssv2.yaml"

_VIVIT_B = {"in_features": 768, "num_heads": 12, "mlp_dim": 3072, "gelu": "tanh"}
_VJEPA2_G = {"in_features": 1408, "num_heads": 22, "mlp_dim": 6144, "qkv_bias": True}
_VJEPA2_PROBE = {"in_features": 1024, "num_heads": 16, "mlp_dim": 4096}

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
    preset("FrameAttentionBlock", "vivit-fe-b-spatial", clip=(32, 224, 224),
           inputs={"x": (16, 197, 768)}, options=_VIVIT_B, source=VIVIT),
    preset("JointAttentionBlock", "vivit-fe-b-temporal", clip=(32, 224, 224),
           inputs={"x": (17, 768)}, options=_VIVIT_B | {"qkv_bias": True}, source=VIVIT),
    preset("JointAttentionBlock", "vjepa2-g-rope", clip=(16, 256, 256),
           inputs={"x": (2048, 1408)}, options=_VJEPA2_G | {"rotary_grid": (8, 16, 16)},
           source=VJEPA2),
    preset("JointAttentionBlock", "vjepa2-g-rope-64x256", clip=(64, 256, 256),
           inputs={"x": (8192, 1408)}, options=_VJEPA2_G | {"rotary_grid": (32, 16, 16)},
           source=VJEPA2),
    preset("JointAttentionBlock", "vjepa2-g-rope-small", clip=(16, 128, 128),
           inputs={"x": (512, 1408)}, options=_VJEPA2_G | {"rotary_grid": (8, 8, 8)},
           source=VJEPA2, assumed=True),
    preset("CrossAttentionBlock", "vjepa2-cross", clip=(16, 256, 256),
           inputs={"queries": (1, 1024), "x": (2048, 1024)}, options=_VJEPA2_PROBE,
           source=VJEPA2),
    preset("AttentivePooler", "vjepa2-attentive-pooler", clip=(16, 256, 256),
           inputs={"x": (2048, 1024)}, options=_VJEPA2_PROBE, source=POOLER),
    preset("ClassifierHead", "videomae-b-head", clip=(16, 224, 224),
           inputs={"x": (1568, 768)},
           options={"in_features": 768, "num_classes": 400, "pool": "mean"}, source=VIDEOMAE),
)
# fmt: on
