"""Recurrence over frames: each step needs the state that the step before it left.

Time cannot be computed in parallel, so the work of one step bounds the use of the machine.
"""

from reelbench.catalogue.preset import Input, preset

CONVLSTM = "Shi et al. 2015, arXiv:1506.04214, section 4.1"
# Said there: hidden states on a 2-D lattice over the ground, updated where the car is and sees,
# from features of all cameras and the car's own motion. No size is published.
TESLA = "Karpathy, Tesla AI Day 2021, video module with a spatial recurrent network"

# fmt: off
PRESETS = (
    # Moving-MNIST: 10 frames of 64×64, cut into 4×4 patches; first layer of the 3-layer network.
    preset("ConvLSTM", "convlstm", clip=(10, 64, 64), inputs={"x": (10, 16, 16, 16)},
           options={"in_features": 16, "hidden_features": 128, "input_kernel_size": (5, 5),
                    "state_kernel_size": (5, 5)}, source=CONVLSTM, core=True),
    # Eight frames of what eight cameras say of 20×80 places around the car, on a map of 100×160.
    preset("SpatialRNN", "spatial-rnn", clip=(8, 960, 1280),
           inputs={"x": (8, 20, 80, 300), "corner": Input((8, 2), values="index", below=81)},
           options={"in_features": 300, "hidden_features": 256, "lattice": (100, 160),
                    "kernel_size": (3, 3)},
           source=TESLA, assumed=True),
)
# fmt: on
