"""Recurrence over frames: each step needs the state that the step before it left.

Time cannot be computed in parallel, so the work of one step bounds the use of the machine.
"""

from reelbench.catalogue.preset import preset

CONVLSTM = "Shi et al. 2015, arXiv:1506.04214, section 4.1"

# fmt: off
PRESETS = (
    # Moving-MNIST: 10 frames of 64×64, cut into 4×4 patches; first layer of the 3-layer network.
    preset("ConvLSTM", "convlstm", clip=(10, 64, 64), inputs={"x": (10, 16, 16, 16)},
           options={"in_features": 16, "hidden_features": 128, "input_kernel_size": (5, 5),
                    "state_kernel_size": (5, 5)}, source=CONVLSTM, core=True),
)
# fmt: on
