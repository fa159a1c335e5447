"""Divided attention: each token attends over time at its own place, then over its own frame.

ViViT's factorised attention is its sister without a class token; in one form half of the heads
attend over time and half over space.
"""

from reelbench.catalogue.preset import preset

TIMESFORMER = "Bertasius et al. 2021, arXiv:2102.05095; TimeSformer timesformer/models/vit.py"
VIVIT = "Arnab et al. 2021, arXiv:2103.15691; scenic projects/vivit/model.py"

_VIVIT_B = {"in_features": 768, "num_heads": 12, "mlp_dim": 3072}

# fmt: off
PRESETS = (
    preset("DividedAttentionBlock", "timesformer-divided", clip=(8, 224, 224),
           inputs={"x": (1 + 196 * 8, 768)},
           options={"in_features": 768, "num_heads": 12, "mlp_dim": 3072, "num_frames": 8},
           source=TIMESFORMER, core=True),
    preset("FactorisedAttentionBlock", "vivit-b-factorised-block", clip=(32, 224, 224),
           inputs={"x": (16, 196, 768)}, options=_VIVIT_B, source=VIVIT),
    preset("FactorisedHeadsBlock", "vivit-b-factorised-heads-block", clip=(32, 224, 224),
           inputs={"x": (16, 196, 768)}, options=_VIVIT_B, source=VIVIT),
)
# fmt: on
