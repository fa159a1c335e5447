"""Temporal shift: channels of neighbouring frames change places, at no multiplication.

The shift alone moves bytes and nothing else; the bottleneck is a 2-D one that the shift lets see
the frames before and after.
"""

from reelbench.catalogue.preset import preset

TSM = "Lin et al. 2019, arXiv:1811.08383; temporal-shift-module ops/temporal_shift.py"

# fmt: off
PRESETS = (
    preset("TemporalShift", "tsm-shift", clip=(8, 224, 224), inputs={"x": (8, 56, 56, 256)},
           options={"fold_divisor": 8}, source=TSM),
    preset("ShiftBottleneck", "tsm-res2", clip=(8, 224, 224), inputs={"x": (8, 56, 56, 256)},
           options={"in_features": 256, "mid_features": 64, "out_features": 256}, source=TSM),
    preset("ShiftBottleneck", "tsm-res4", clip=(8, 224, 224), inputs={"x": (8, 14, 14, 1024)},
           options={"in_features": 1024, "mid_features": 256, "out_features": 1024}, source=TSM),
)
# fmt: on
