"""Divided attention: each token attends over time at its own place, then over its own frame."""

from reelbench.catalogue.preset import preset

TIMESFORMER = "Bertasius et al. 2021, arXiv:2102.05095; TimeSformer timesformer/models/vit.py"

# fmt: off
PRESETS = (
    preset("DividedAttentionBlock", "timesformer-divided", clip=(8, 224, 224),
           inputs={"x": (1 + 196 * 8, 768)},
           options={"in_features": 768, "num_heads": 12, "mlp_dim": 3072, "num_frames": 8},
           source=TIMESFORMER, core=True),
)
# fmt: on
