"""Lift, splat, shoot: pixels become points at every depth, points are summed on the ground.

A clip is the six images that the cameras take at one instant, cut to 128×352.
"""

from reelbench.catalogue.preset import Input, preset

LSS = "Philion and Fidler 2020, arXiv:2008.05711; nv-tlabs/lift-splat-shoot src/models.py, train.py"
RIG = (6, 128, 352)
DEPTHS = 41  # 4 to 44 m, in steps of 1 m
GRID = (200, 200)  # ±50 m, in steps of 0.5 m

# Where the points fall depends on the cameras' calibration; a row draws their cells at random, the
# last index standing for points beside the map.
# fmt: off
PRESETS = (
    preset("UpBlock", "lss-camera-up", clip=RIG,
           inputs={"coarse": (6, 4, 11, 320), "fine": (6, 8, 22, 112)},
           options={"in_features": (320, 112), "out_features": 512, "factor": 2}, source=LSS),
    preset("DepthLift", "lss-lift", clip=RIG, inputs={"x": (6, 8, 22, 512)},
           options={"in_features": 512, "depths": DEPTHS, "features": 64}, source=LSS),
    preset("Splat", "lss-splat", clip=RIG,
           inputs={"points": (6, DEPTHS, 8, 22, 64),
                   "cell": Input((6, DEPTHS, 8, 22), values="index", below=200 * 200 + 1)},
           options={"grid": GRID}, source=LSS),
    preset("GroundStem", "lss-ground-stem", clip=RIG, inputs={"x": (200, 200, 64)},
           options={"in_features": 64, "out_features": 64}, source=LSS),
    preset("BasicBlock2D", "lss-ground-layer1", clip=RIG, inputs={"x": (100, 100, 64)},
           options={"in_features": 64, "out_features": 64}, source=LSS),
    preset("BasicBlock2D", "lss-ground-layer3", clip=RIG, inputs={"x": (50, 50, 128)},
           options={"in_features": 128, "out_features": 256, "strides": (2, 2)}, source=LSS),
    preset("UpBlock", "lss-ground-up", clip=RIG,
           inputs={"coarse": (25, 25, 256), "fine": (100, 100, 64)},
           options={"in_features": (256, 64), "out_features": 256, "factor": 4}, source=LSS),
    preset("GroundHead", "lss-ground-head", clip=RIG, inputs={"x": (100, 100, 256)},
           options={"in_features": 256, "mid_features": 128, "out_features": 1}, source=LSS),
)
# fmt: on
