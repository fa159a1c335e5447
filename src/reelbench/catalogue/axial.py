"""Axial attention: over time, then along the rows, then along the columns of each frame."""

from reelbench.catalogue.preset import preset

TIMESFORMER = "Bertasius et al. 2021, arXiv:2102.05095, section 3 (no code released)"

# fmt: off
PRESETS = (
    # The place of the class token is assumed.
    preset("AxialAttentionBlock", "timesformer-axial-block", clip=(8, 224, 224),
           inputs={"x": (1 + 14 * 14 * 8, 768)},
           options={"in_features": 768, "num_heads": 12, "mlp_dim": 3072, "grid": (8, 14, 14)},
           source=TIMESFORMER, assumed=True),
)
# fmt: on
